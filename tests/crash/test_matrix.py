"""Whatever dies at whatever moment: an acknowledged run happens, once, and ends truthfully.

The daemon is killed at each of its points, the run's shim at each of its steps, in pairs; the spawn server or template at
each of its own, with few of the others; a stop is sent as soon as the run is acknowledged, when its script runs, or not at all. What the scripts wrote down themselves is the witness.
"""

import contextlib
import http.client
import itertools
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.support import processes, twins
from tests.support.crash_points import (
    DEFINITION_WRITES,
    MIGRATION_POINTS,
    SERVER_POINTS,
    SHIM_POINTS,
    SPAWN_POINTS,
    points_of,
)
from tests.support.crashing import (
    Lives,
    bookmark,
    check_nothing_left,
    check_ran_once,
    check_truthful,
    commits_by,
    is_dead,
    kill,
    with_history,
)
from tests.support.waiting import until

_BOOKMARK: Final = {"--job-bookmark-option": "job-bookmark-enable"}
_NOTHING: Final = (None,)
_ORIGIN: Final = "note('origin', open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()[1])\n"
"""Lets a script note whose child its shim is."""
_UNCLAIMED: Final = SHIM_POINTS[: SHIM_POINTS.index("shim.claimed")]
"""The shim dies here before the run is its own: the daemon may try again."""
_SEALED: Final = ("shim.ending_renamed", "shim.ending_durable", "shim.ended")
"""The shim dies here after the ending is where the daemon finds it: nothing is lost."""
_LOSING: Final = tuple(point for point in SHIM_POINTS if point not in (*_UNCLAIMED, *_SEALED, "shim.child"))
"""The shim dies here with the run in its hands: how the script ended is unknown."""
_PATIENT: Final = "server.child"
"""Nobody hears of this death: the daemon loses its patience first (PATIENCE_S), and the cell takes a quarter of a minute."""
_QUICK: Final = tuple(point for point in SERVER_POINTS if point != _PATIENT)
_AFTER_SCRIPT: Final = SHIM_POINTS[SHIM_POINTS.index("shim.script_reaped") :]


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of the matrix."""

    daemon: str | None
    shim: str | None
    stop: str  # "", "at_once", "running"
    is_warm: bool = False  # shim and script are forked from a template
    is_unserved: bool = False  # the spawn server is killed as soon as the run is acknowledged
    server: str | None = None  # a point of the spawn server or template, perhaps with how many times it is reached

    def __str__(self) -> str:
        """Name it as pytest shows it."""
        stop, warm = self.stop and f"stop_{self.stop}", "warm" if self.is_warm else ""
        unserved = "unserved" if self.is_unserved else ""
        return "~".join(filter(None, (self.daemon or "none", self.shim or "none", self.server, stop, warm, unserved)))

    @property
    def points(self) -> tuple[str | None, ...]:
        """What is armed."""
        return (self.daemon, self.shim, self.server)

    @property
    def surely_reached(self) -> set[str | None]:
        """What this cell reaches whatever the timing is."""
        if self.stop == "at_once":  # the stop may overtake everything but the acceptance and itself
            return {self.daemon} if self.daemon in (None, *points_of("accept_job_run", "request_stop")) else set()
        is_race = self.daemon in points_of("record_launch") and self.shim not in (None, *_AFTER_SCRIPT)
        server = self.server and self.server.partition(":")[0]
        return {self.shim, server} if is_race else {self.daemon, self.shim, server}


def _cells() -> Iterator[Cell]:
    """Yield every pair that can meet; a daemon's point with a shim's that excludes it would test one of them only."""
    every = (None, *SHIM_POINTS)
    early = (None, *points_of("accept_job_run"), *SPAWN_POINTS, *points_of("admit"))
    yield from _pairs(early, every)
    yield from _pairs(points_of("record_launch"), [point for point in every if point not in _UNCLAIMED])
    yield from _pairs(points_of("settle_ended"), (None, "shim.child", *_SEALED))
    yield from _pairs(points_of("settle_lost"), _LOSING)
    yield from _pairs(points_of("settle_never_started"), _UNCLAIMED)
    yield from _pairs((*early, *points_of("record_launch", "request_stop", "settle_never_started")), every, "at_once")
    yield from _pairs((None, *points_of("request_stop")), (None, *_AFTER_SCRIPT), "running")
    yield from _pairs(points_of("settle_ended"), (None, *_SEALED), "running")
    yield from _pairs(points_of("settle_lost"), [point for point in _AFTER_SCRIPT if point in _LOSING], "running")


def _warm_cells() -> Iterator[Cell]:
    """Yield each step of a shim with and without a stop, and each moment of the daemon around a launch."""
    for stop in ("", "at_once", "running"):
        for shim in SHIM_POINTS if stop != "running" else _AFTER_SCRIPT:
            yield Cell(None, shim, stop, is_warm=True)
    for daemon in (*SPAWN_POINTS, *points_of("record_launch", "settle_ended")):
        yield Cell(daemon, None, "", is_warm=True)


def _unserved_cells() -> Iterator[Cell]:
    """Yield each step of a shim, and each moment of the daemon around a launch, with a spawn server that dies as well."""
    for shim in SHIM_POINTS:
        yield Cell(None, shim, "", is_unserved=True)
    for daemon in (*SPAWN_POINTS, *points_of("record_launch")):
        yield Cell(daemon, None, "", is_unserved=True)
    for stop, point in itertools.product(("at_once", "running"), (None, "shim.script_reaped", "shim.ending_renamed")):
        yield Cell(None, point, stop, is_unserved=True)


def _served_cells() -> Iterator[Cell]:
    """Yield each step of a spawn server alone, with a stop, with a daemon, with a shim, and with both."""
    for server, stop, is_warm in itertools.product(SERVER_POINTS, ("", "at_once", "running"), (False, True)):
        if server != _PATIENT or (stop, is_warm) in {("at_once", False), ("at_once", True), ("", True)}:
            yield Cell(None, None, stop, is_warm, server=server)
    shims = (None, "shim.claimed", "shim.forked", "shim.ending_renamed")
    for server in _QUICK:
        early = (None, "accept_job_run.committed", "record_launch.begun", "record_launch.committed")
        settled = (("settle_ended.uncommitted", (None, "shim.ending_renamed")), ("settle_lost.uncommitted", shims[1:3]))
        together = [*itertools.product(early, shims), *((daemon, shim) for daemon, few in settled for shim in few)]
        yield from (Cell(*pair, "", server=server) for pair in together[1:])  # the first one has nobody in it


def _retried_cells() -> Iterator[Cell]:
    """Yield each step of a shim, and each moment of the daemon around a retry; some pairs of them."""
    yield from _pairs(_NOTHING, SHIM_POINTS)
    yield from _pairs(points_of("settle_lost", "retry"), ("shim.claimed", "shim.started", "shim.ending_written"))
    yield from _pairs(_NOTHING, ("shim.claimed", "shim.child", "shim.started"), "at_once")
    yield Cell("retry.committed", "shim.claimed", "running")


def _served_retried_cells() -> Iterator[Cell]:
    """Yield each step of a spawn server that forks for a run or for its retry, with a stop and without."""
    for server, is_warm in itertools.product((*_QUICK, *(f"{point}:2" for point in _QUICK)), (False, True)):
        yield Cell(None, "shim.claimed", "", is_warm, server=server)
    for server, is_warm in itertools.product(_QUICK, (False, True)):
        yield Cell(None, "shim.child", "", is_warm, server=server)
        yield Cell("retry.committed", "shim.claimed", "running", is_warm, server=server)
    for server in SERVER_POINTS:
        yield Cell(None, "shim.claimed", "at_once", server=server)
    yield Cell("settle_lost.committed", "shim.claimed", "", server=_PATIENT)


def _pairs(daemons: Iterable[str | None], shims: Iterable[str | None], stop: str = "") -> Iterator[Cell]:
    return (Cell(daemon, shim, stop) for daemon, shim in itertools.product(daemons, shims))


def _sample(cells: list[Cell]) -> set[Cell]:
    """Return few cells with every point and every moment of a stop in them."""
    chosen: set[Cell] = set()
    missing = {thing for cell in cells for thing in (cell.daemon, cell.shim, cell.stop)}
    while missing:
        best = max(cells, key=lambda cell: len(missing & {cell.daemon, cell.shim, cell.stop}))
        chosen.add(best)
        missing -= {best.daemon, best.shim, best.stop}
    return chosen


def _marked(things: Iterable[Any], sample: Iterable[Any]) -> list[Any]:
    chosen = set(sample)
    return [
        pytest.param(thing, id=str(thing), marks=() if thing in chosen else pytest.mark.crash_full) for thing in things
    ]


_CELLS: Final = list(_cells())
_WARM: Final = list(_warm_cells())
_UNSERVED: Final = list(_unserved_cells())
_SERVED: Final = list(_served_cells())
_OFTEN_SERVED: Final = [
    Cell(None, None, "", server="server.asked"),
    Cell(None, None, "", is_warm=True, server="server.forked"),
    Cell(None, None, "at_once", server="server.child"),
    Cell("record_launch.committed", "shim.forked", "", server="server.forked"),
]
_RETRIED: Final = list(_retried_cells())
_SERVED_RETRIED: Final = list(_served_retried_cells())
_OFTEN_WARM: Final = [
    *(cell for cell in _WARM if not cell.stop and cell.shim in (*SHIM_POINTS[:9:2], *SHIM_POINTS[10::3])),
    *(cell for cell in _WARM if cell.stop and cell.shim in ("shim.child", "shim.started", "shim.tree_dead")),
]


@pytest.mark.parametrize(
    "cell",
    [
        *_marked(_CELLS, _sample(_CELLS)),
        *_marked(_WARM, _OFTEN_WARM),
        *_marked(_UNSERVED, _UNSERVED[8:9]),
        *_marked(_SERVED, _OFTEN_SERVED),
    ],
)
def test_a_run_happens_once_and_ends_truthfully_whoever_is_killed(cell: Cell, tmp_path: Path) -> None:
    seconds = 30 if cell.stop == "running" else 0.2
    body = f"import time; time.sleep({seconds} if not os.path.exists({str(tmp_path / 'hurry')!r}) else 0)"
    if cell.daemon in points_of("record_launch"):  # an end that is seen before it would replay the launch
        body = f"while {cell.daemon!r} not in open({str(tmp_path / 'reached')!r}).read(): time.sleep(0.02)\n{body}"
    settings: dict[str, Any] = {"capacity__dpus": 10, "runtimes": _runtimes(cell)}
    with Lives(tmp_path, cell.points, quick_commit_ms=commits_by(cell), **settings) as lives:
        markers = lives.markers
        client = lives.client
        job = client.job(
            "job",
            markers.script((_ORIGIN if cell.is_warm else "") + body, moves_bookmark=True),
            DefaultArguments=_arguments(cell),
        )
        template = None
        if cell.is_warm:
            _wait_for_template(lives)
            template = twins.templates(lives.daemon)[""].pid
        server = _asked_server(lives, cell) if cell.server else None
        is_queuing = cell.daemon in points_of("admit")

        run_id = client.start(job, JobRunQueuingEnabled=is_queuing)
        if cell.is_unserved:
            _kill_spawn_server(lives)
        is_stopped = False
        if cell.stop:
            if cell.stop == "running":
                markers.wait_for("start", run_id=run_id)
            is_stopped = client.stop(job, run_id)
        lives.wait_for_end(run_id)

        # The end is on disk, and can be seen, a moment before the daemon reaches the point behind the commit, and dies.
        until(lambda: cell.surely_reached - {None} <= lives.reached(), what=f"reaching {cell}")
        _check_server_died(cell, server)
        if cell.daemon in lives.reached() and not lives.deaths:
            until(lambda: is_dead(lives.daemon), what="the daemon's death")
            lives.revive()
        assert lives.deaths == (1 if cell.daemon in lives.reached() else 0)
        if cell.is_warm and cell.server is None and not lives.deaths:
            assert {one.more for one in markers.all("origin", run_id=run_id)} <= {(str(template),)}
        lives.renew()
        run = check_truthful(lives.daemon, run_id)
        _check_outcome(cell, run, is_stopped=is_stopped)
        check_ran_once(markers, run)
        entry = bookmark(client, job)
        assert (entry is not None) == (run["state"] == "SUCCEEDED")
        assert entry is None or (entry["Version"], entry["JobBookmark"]) == (1, run_id)
        check_nothing_left(lives.daemon, markers)
        before = markers.all(run_id=run_id)

        (tmp_path / "hurry").touch()
        following = client.start(job)  # there are slots for one run at a time
        assert lives.daemon.ended(job, following)["JobRunState"] == "SUCCEEDED"
        assert bookmark(client, job) is not None
        assert markers.all(run_id=run_id) == before, "a run that has ended never starts again"
        assert with_history(lives.daemon, run_id)[0] == run
        check_nothing_left(lives.daemon, markers)


def _check_outcome(cell: Cell, run: dict[str, Any], *, is_stopped: bool) -> None:
    if is_stopped:
        assert run["state"] == "STOPPED"
    elif cell.stop:
        assert run["state"] in {
            "STOPPED",
            "SUCCEEDED",
            "FAILED",
        }  # the end overtook the stop, or the answer to it was lost
    elif cell.shim in (None, *_SEALED):
        assert run["state"] == "SUCCEEDED"
    elif cell.shim in _LOSING:
        assert (run["state"], run["error_message"]) == ("FAILED", "How the script ended is unknown: its shim died")
    elif cell.shim == "shim.child":
        assert (run["state"], run["exit_signal"]) == ("FAILED", signal.SIGKILL)
    else:  # killed before the claim: tried again, up to a limit
        assert run["state"] in {"SUCCEEDED", "FAILED"}


def _runtimes(cell: Cell) -> str:
    return '{"warm": {}}' if cell.is_warm else "{}"


def _arguments(cell: Cell) -> dict[str, str]:
    return {**_BOOKMARK, "--orchestrator-runtime": "warm"} if cell.is_warm else _BOOKMARK


def _wait_for_template(lives: Lives) -> None:
    until(lambda: "template_ready" in lives.daemon.log(), what="a template that is ready")


def _kill_spawn_server(lives: Lives) -> None:
    """Kill it, unless it has ended with its daemon."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in _spawn_servers(lives):
            process.kill()


def _spawn_servers(lives: Lives) -> list[psutil.Process]:
    children = psutil.Process(lives.daemon.pid).children()
    return [child for child in children if any(word.endswith("spawn_server.py") for word in child.cmdline())]


def _asked_server(lives: Lives, cell: Cell) -> psutil.Process:
    """Return the server that is asked for the cell's first run: the template where the cell is warm."""
    (asked,) = (one for one in _spawn_servers(lives) if ("--template" in one.cmdline()) == cell.is_warm)
    return asked


def _check_server_died(cell: Cell, server: psutil.Process | None) -> None:
    """Hold that the cell's point is one of death, be it by way of the daemon's patience; a stop at once may overtake it."""
    if server is not None and cell.stop != "at_once":
        until(lambda: not processes.is_alive(server.pid), what="the death of the spawn server")


@pytest.mark.parametrize(
    "cell",
    [
        *_marked(_RETRIED, [cell for cell in _RETRIED if cell.daemon][4:12:7]),
        *_marked(_SERVED_RETRIED, [Cell(None, "shim.claimed", "", is_warm=True, server="server.asked:2")]),
    ],
)
def test_a_run_that_fails_is_retried_once_whoever_is_killed(cell: Cell, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"retries__first_delay_s": 0.1, "retries__longest_delay_s": 0.1}
    settings["runtimes"] = _runtimes(cell)
    with Lives(tmp_path, cell.points, quick_commit_ms=commits_by(cell), **settings) as lives:
        body = "import time; time.sleep(30)" if cell.stop == "running" else ""
        script = lives.markers.script(body, moves_bookmark=True)
        job = lives.client.job("job", script, DefaultArguments=_arguments(cell), MaxRetries=1)
        if cell.is_warm:
            _wait_for_template(lives)
        server = _asked_server(lives, cell) if cell.server else None
        first = lives.client.start(job)
        stopped = _stop_an_attempt(lives, cell, job, first) if cell.stop else None
        lives.wait_for_end(first)
        until(lambda: _are_over(lives, job), what="the last attempt's end")
        until(lambda: cell.surely_reached - {None} <= lives.reached(), what=f"reaching {cell}")
        _check_server_died(cell, server)
        if cell.daemon is not None and not lives.deaths:
            until(lambda: is_dead(lives.daemon), what="the daemon's death")
            lives.revive()
            until(lambda: _are_over(lives, job), what="the last attempt's end")
        lives.renew()
        found = lives.client.call("GetJobRuns", JobName=job)["JobRuns"]
        attempts = [check_truthful(lives.daemon, run["Id"]) for run in reversed(found)]
        assert attempts[0]["id"] == first
        assert stopped is None or {run["id"]: run["state"] for run in attempts}[stopped] == "STOPPED"
        is_lost = cell.shim in (*_LOSING, "shim.child") and cell.stop != "at_once"
        assert not is_lost or attempts[0]["state"] == "FAILED"
        assert [run["attempt"] for run in attempts] == ([0, 1] if attempts[0]["state"] == "FAILED" else [0])
        for run in attempts:
            check_ran_once(lives.markers, run)
        succeeded = [run["id"] for run in attempts if run["state"] == "SUCCEEDED"]
        entry = bookmark(lives.client, job)
        assert [entry["JobBookmark"]] == succeeded if entry is not None else not succeeded
        check_nothing_left(lives.daemon, lives.markers)


def _stop_an_attempt(lives: Lives, cell: Cell, job: str, first: str) -> str | None:
    """Stop the first attempt at once, or the second one when its script runs; return which, if the stop was accepted."""
    if cell.stop == "running":
        lives.wait_for_end(first)
        until(lambda: cell.daemon in lives.reached() and is_dead(lives.daemon), what="the daemon's death")
        lives.revive()
        (marker,) = lives.markers.wait_for("start")
        assert marker.run_id != first
        return marker.run_id if lives.client.stop(job, marker.run_id) else None
    return first if lives.client.stop(job, first) else None


def _are_over(lives: Lives, job: str) -> bool:
    """Say whether no run of the job is live and no retry is to come, over as many lives as that takes."""
    with contextlib.suppress(OSError, http.client.HTTPException):  # it dies in between
        ids = [run["Id"] for run in lives.client.call("GetJobRuns", JobName=job)["JobRuns"]]
        runs = [with_history(lives.daemon, run_id)[0] for run_id in ids]
        is_same = ids == [run["Id"] for run in lives.client.call("GetJobRuns", JobName=job)["JobRuns"]]
        return is_same and all(run["completed_on_ms"] is not None and run["retry_due_ms"] is None for run in runs)
    return False


_DEFINITION_POINTS: Final = [*MIGRATION_POINTS, *points_of(*DEFINITION_WRITES)]
_AT_A_SIGHUP: Final = [f"{point}:2" for point in points_of("define_jobs")]


@pytest.mark.parametrize(
    "point",
    _marked(
        [*_DEFINITION_POINTS, *_AT_A_SIGHUP],
        [*_DEFINITION_POINTS[1::3], "define_jobs.uncommitted:2"],
    ),
)
def test_what_is_around_a_run_changes_whole_or_not_at_all_and_the_run_goes_on(point: str, tmp_path: Path) -> None:
    go = tmp_path / "go"
    go.touch()
    body = f"import time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    with Lives(tmp_path, [point], quick_commit_ms=commits_by(point)) as lives:
        markers = lives.markers
        client = lives.client
        job = client.job("job", markers.script(body, moves_bookmark=True), DefaultArguments=_BOOKMARK)
        first = client.start(job)
        lives.wait_for_end(first)

        go.unlink()
        during = client.start(job)
        markers.wait_for("start", run_id=during)
        (lives.daemon.jobs_dir / "filed").mkdir()
        (lives.daemon.jobs_dir / "filed" / "x.py").touch()
        (lives.daemon.jobs_dir / "filed" / "job.toml").write_text(
            '[Command]\nName = "pythonshell"\nScriptLocation = "x.py"'
        )
        kill(lives.daemon.pid, signal.SIGHUP)
        until(lambda: "Job" in client.call("GetJob", JobName="filed"), what="the job of the file")
        update = {"Role": "other", "DefaultArguments": _BOOKMARK, "Command": _command(client, job)}
        assert client.call("UpdateJob", JobName=job, JobUpdate=update) == {"JobName": job}
        assert client.call("GetJob", JobName=job)["Job"]["Role"] == "other"
        assert client.call("ResetJobBookmark", JobName=job)["JobBookmarkEntry"]["JobBookmark"] == "{}"
        reset = bookmark(client, job) or {}
        assert reset["Run"] == 0
        go.touch()
        lives.wait_for_end(during)
        assert bookmark(client, job) == reset, "a run from before the reset does not move the bookmark"

        after = client.start(job)
        lives.wait_for_end(after)
        last = bookmark(client, job) or {}
        assert (last["Version"], last["Run"], last["JobBookmark"]) == (reset["Version"] + 1, 1, after)

        seen = client.call("Orchestrator.ReadFiles", DryRun=True)
        assert (seen["Changes"], seen["Problems"]) == ([], [])
        set_ = client.call("Orchestrator.SetJobBookmark", JobName=job, JobBookmark="by hand", Version=last["Version"])
        assert set_["JobBookmarkEntry"] == bookmark(client, job)
        assert set_["JobBookmarkEntry"]["Version"] == last["Version"] + 1
        assert client.call("DeleteJob", JobName=job) == {"JobName": job}
        assert client.call("GetJob", JobName=job)["__type"] == "EntityNotFoundException"

        assert lives.deaths == 1
        for run_id, state in ((first, "SUCCEEDED"), (during, "FAILED"), (after, "SUCCEEDED")):
            run = check_truthful(lives.daemon, run_id)
            assert run["state"] == state
            assert state == "SUCCEEDED" or run["error_message"].startswith("VersionMismatchException")
            check_ran_once(markers, run)
            assert len(markers.all("end", run_id=run_id)) == 1
        check_nothing_left(lives.daemon, markers)


def _command(client: Any, job: str) -> dict[str, Any]:
    command: dict[str, Any] = client.call("GetJob", JobName=job)["Job"]["Command"]
    return command

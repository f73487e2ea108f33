"""A shim that serves one run after the other is each run's own: nothing of one run reaches, or is told of, the next."""

import contextlib
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.support import processes
from tests.support.crash_points import SHIM_POINTS
from tests.support.crashing import (
    Lives,
    check_nothing_left,
    check_ran_once,
    check_truthful,
    kill,
)
from tests.support.waiting import until

_SHIM: Final = "note('shim', os.getppid())\n"
_POINTS: Final = [point for point in SHIM_POINTS if point != "shim.child"]  # that one is a new process each time
_UNCLAIMED: Final = _POINTS[: _POINTS.index("shim.claimed")]
_SEALED: Final = ("shim.ending_renamed", "shim.ending_durable", "shim.ended")
_OFTEN: Final = ("shim.begun", "shim.claimed", "shim.forked", "shim.tree_dead", "shim.ended")
_MANY: Final = {"MaxConcurrentRuns": 64}
_TURNS: Final = 20
_MIB: Final = 1024 * 1024


@pytest.fixture(params=[False, True], ids=["cold", "warm"])
def is_warm(request: pytest.FixtureRequest) -> bool:
    """Say whether runs are forked from a template."""
    return bool(request.param)


@pytest.fixture
def lives(tmp_path: Path, *, is_warm: bool) -> Iterator[Lives]:
    """Lend a daemon; nothing is armed."""
    with _lives(tmp_path, is_warm=is_warm) as lives:
        yield lives


def _lives(root: Path, *points: str, is_warm: bool) -> Lives:
    return Lives(root, points, runtimes='{"warm": {}}' if is_warm else "{}", log_level="debug")


def _job(lives: Lives, body: str = "", name: str = "job", *, is_warm: bool) -> str:
    if is_warm:
        until(lambda: "template_ready" in lives.daemon.log(), what="a template that is ready")
    return lives.client.job(
        name,
        lives.markers.script(_SHIM + body),
        DefaultArguments={"--orchestrator-runtime": "warm"} if is_warm else {},
        ExecutionProperty=_MANY,
    )


def _run(lives: Lives, job: str) -> dict[str, Any]:
    run_id = lives.client.start(job)
    lives.wait_for_end(run_id)
    run = check_truthful(lives.daemon, run_id)
    check_ran_once(lives.markers, run)
    return run


def _shim(lives: Lives, run: dict[str, Any]) -> int:
    """Return the pid of the shim that a run's script has noted."""
    (marker,) = lives.markers.all("shim", run_id=run["id"])
    return int(marker.more[0])


@pytest.mark.parametrize(
    "point", [pytest.param(one, marks=() if one in _OFTEN else pytest.mark.crash_full) for one in _POINTS]
)
def test_the_next_run_of_a_shim_ends_truthfully_where_it_is_killed(
    point: str, tmp_path: Path, *, is_warm: bool
) -> None:
    with _lives(tmp_path, f"{point}:2", is_warm=is_warm) as lives:
        job = _job(lives, is_warm=is_warm)
        first = _run(lives, job)
        assert first["state"] == "SUCCEEDED"
        second = _run(lives, job)
        until(lambda: not processes.is_alive(_shim(lives, first)), what="the death of the shim in its second run")
        if point in _UNCLAIMED or point in _SEALED:
            assert second["state"] == "SUCCEEDED"
        else:
            assert (second["state"], second["error_message"]) == (
                "FAILED",
                "How the script ended is unknown: its shim died",
            )
        if point in _SEALED:
            assert _shim(lives, second) == _shim(lives, first)
        third = _run(lives, job)
        assert third["state"] == "SUCCEEDED"
        assert check_truthful(lives.daemon, first["id"]) == first
        check_nothing_left(lives.daemon, lives.markers)


def test_a_stop_that_comes_as_the_run_ends_never_stops_the_next(lives: Lives, *, is_warm: bool) -> None:
    job = _job(lives, is_warm=is_warm)
    shims = set()
    for _ in range(_TURNS):
        stopped = lives.client.start(job)
        lives.markers.wait_for("end", run_id=stopped)
        lives.client.stop(job, stopped)
        following = _run(lives, job)
        assert following["state"] == "SUCCEEDED"
        lives.wait_for_end(stopped)
        assert check_truthful(lives.daemon, stopped)["state"] in ("SUCCEEDED", "STOPPED")
        shims.add(_shim(lives, following))
    assert len(shims) < _TURNS, "shims served more than one run"
    check_nothing_left(lives.daemon, lives.markers)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_waiting_shim_that_is_ended_takes_no_run_with_it(lives: Lives, number: int, *, is_warm: bool) -> None:
    job = _job(lives, is_warm=is_warm)
    first = _run(lives, job)
    waiting = _shim(lives, first)
    kill(waiting, number)
    until(lambda: not processes.is_alive(waiting), what="the end of the shim")
    second = _run(lives, job)
    assert (first["state"], second["state"]) == ("SUCCEEDED", "SUCCEEDED")
    assert _shim(lives, second) != waiting


def test_a_signal_that_was_there_before_a_request_ends_the_shim_and_not_the_run(lives: Lives, *, is_warm: bool) -> None:
    job = _job(lives, is_warm=is_warm)
    waiting = _shim(lives, _run(lives, job))
    kill(waiting, signal.SIGSTOP)
    kill(waiting, signal.SIGTERM)
    run_id = lives.client.start(job)
    until(lambda: lives.reached_count("spawn.spawned") == 2, what="a request to the shim that waits")
    kill(waiting, signal.SIGCONT)
    lives.wait_for_end(run_id)
    run = check_truthful(lives.daemon, run_id)
    assert run["state"] == "SUCCEEDED", run
    check_ran_once(lives.markers, run)
    assert _shim(lives, run) != waiting


def test_waiting_shims_end_with_their_daemon_and_busy_ones_after_their_run(
    lives: Lives, tmp_path: Path, *, is_warm: bool
) -> None:
    gate = tmp_path / "gate"
    waits = f"import time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    job = _job(lives, waits, is_warm=is_warm)
    run_ids = [lives.client.start(job) for _ in range(2)]
    (one,), (other,) = (lives.markers.wait_for("shim", run_id=run_id) for run_id in run_ids)
    lives.client.stop(job, run_ids[0])
    lives.wait_for_end(run_ids[0])
    waiting, busy = int(one.more[0]), int(other.more[0])
    assert processes.is_alive(waiting)
    lives.daemon.kill()
    until(lambda: not processes.is_alive(waiting), what="the end of the shim that waits")
    assert processes.is_alive(busy)
    gate.touch()
    until(lambda: not processes.is_alive(busy), what="the end of the other one, after its run")
    lives.revive()
    lives.wait_for_end(run_ids[1])
    assert check_truthful(lives.daemon, run_ids[1])["state"] == "SUCCEEDED"
    check_nothing_left(lives.daemon, lives.markers)


def test_what_a_run_has_taken_is_not_counted_for_the_next_nor_left_open(
    lives: Lives, tmp_path: Path, *, is_warm: bool
) -> None:
    is_first = f"not os.path.exists({str(tmp_path / 'again')!r})"
    body = f"if {is_first}:\n    data = bytearray({200 * _MIB})\n    while sum(os.times()[:2]) < 2: pass\n"
    job = _job(lives, body, is_warm=is_warm)
    first = _run(lives, job)
    (tmp_path / "again").touch()
    second = _run(lives, job)
    shim = psutil.Process(_shim(lives, second))
    assert shim.pid == _shim(lives, first)
    assert first["cpu_ms"] >= 2000
    assert 2 * second["cpu_ms"] < first["cpu_ms"]
    assert first["peak_process_rss_bytes"] > 200 * _MIB > 2 * second["peak_process_rss_bytes"]

    def open_files() -> list[str]:
        found = []
        for one in Path(f"/proc/{shim.pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed since it was listed
                found.append(str(one.readlink()))
        return sorted(found)

    until(lambda: shim.cwd() == "/", what="a shim that waits again")
    before = open_files()
    assert not any(str(lives.daemon.state_dir) in path for path in before)
    for _ in range(3):
        assert _shim(lives, _run(lives, job)) == shim.pid
    until(
        lambda: open_files() == before and str(lives.daemon.state_dir) not in " ".join(shim.cmdline()),
        what="the files that were open before, and a title that names no run",
    )

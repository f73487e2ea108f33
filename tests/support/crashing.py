"""What the crash tests share: a client that never gives up, scripts that write down themselves that they ran, checks."""

import contextlib
import http.client
import itertools
import json
import os
import signal
import time
import uuid
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import psutil

from orchestrator.model.states import TERMINAL, TRANSITIONS, JobRunState, RunEvent
from tests.support import processes
from tests.support.daemon import Daemon
from tests.support.waiting import until

_NOTED: Final = """\
import os, sys, time
def note(phase, *more):
    line = " ".join([os.environ["ORCH_JOB_RUN_ID"], str(os.getpid()), phase, *map(str, more)]) + "\\n"
    file = os.open({path!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line.encode())
    os.close(file)
note("start")
{body}
note("end")
"""
_BOOKMARKED: Final = """\
with open("mine", "w") as file:
    file.write(os.environ["ORCH_JOB_RUN_ID"])
os.rename("mine", os.environ["ORCH_BOOKMARK_FILE"])
"""


@dataclass(frozen=True, slots=True)
class Marker:
    """One line that a script wrote."""

    run_id: str
    pid: int
    phase: str  # "start", "end", or the script's own
    more: tuple[str, ...]


class Markers:
    """The file in which scripts write down themselves what they do: the witness whom no crash of ours can bribe."""

    def __init__(self, path: Path) -> None:
        """Keep it at `path`."""
        self.path = path
        self.are_pids_ours = True
        """False where scripts see the pids of a namespace: here, these are other processes'."""

    def script(self, body: str = "", *, moves_bookmark: bool = False) -> str:
        """Return a script that notes its start, does `body` and notes its end; `body` may `note` more."""
        return _NOTED.format(path=str(self.path), body=body + "\n" + (_BOOKMARKED if moves_bookmark else ""))

    def all(self, phase: str | None = None, *, run_id: str | None = None) -> list[Marker]:
        """Return the whole lines so far."""
        if not self.path.exists():
            return []
        lines = [line.split() for line in self.path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        markers = [Marker(line[0], int(line[1]), line[2], tuple(line[3:])) for line in lines]
        return [one for one in markers if phase in (None, one.phase) and run_id in (None, one.run_id)]

    def wait_for(self, phase: str, *, run_id: str | None = None, count: int = 1, within_s: float = 20) -> list[Marker]:
        """Wait for `count` lines of a phase; return them."""

        def look() -> list[Marker] | None:
            found = self.all(phase, run_id=run_id)
            return found if len(found) >= count else None

        return until(look, within_s=within_s, what=f"{count} × {phase} in {self.path}") or []

    def pids(self) -> set[int]:
        """Return every pid that a script wrote down: its own, and those noted as `pid=<n>`."""
        if not self.are_pids_ours:
            return set()
        more = {int(word[4:]) for one in self.all() for word in one.more if word.startswith("pid=")}
        return {one.pid for one in self.all()} | more


def commits_by(name: object) -> float:
    """Return a setting `quick_commit_ms` by which transactions run in the event loop, or on a thread: half of all names each."""
    return (0, 100)[zlib.crc32(str(name).encode()) % 2]


def a_daemon(root: Path, **settings: object) -> Daemon:
    """Return a daemon that is not started, with quick stops and room for many; `settings` as in the environment."""
    defaults = {
        "runs__stop_grace_s": 2,
        "capacity__dpus": 1000,
        "capacity__max_processes": 64,
        "log_format": "json",
    }
    environment = {f"ORCHESTRATOR_{name.upper()}": str(value) for name, value in {**defaults, **settings}.items()}
    return Daemon(root, environment)


class PatientClient:
    """Sends each call under one invocation id until it is answered, as an SDK does; the daemon may die meanwhile."""

    def __init__(self, daemon: Daemon, revive: Callable[[], None]) -> None:
        """Call `daemon`; `revive` starts it again where it is dead."""
        self._daemon = daemon
        self._revive = revive

    def call(self, action: str, **members: Any) -> dict[str, Any]:
        """Return the answer, whichever daemon gives it."""
        headers = {"amz-sdk-invocation-id": str(uuid.uuid4())}
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(OSError, http.client.HTTPException, json.JSONDecodeError):
                return self._daemon.call(action, members, headers)
            assert time.monotonic() < deadline, f"nobody answers {action}"
            self._revive()

    def job(self, name: str, script: str, **members: Any) -> str:
        """Write a script and create a job for it."""
        path = self._daemon.root / f"{name}.py"
        path.write_text(script)
        command = {"Name": "pythonshell", "ScriptLocation": str(path), "PythonVersion": "3"}
        answer = self.call("CreateJob", Name=name, Role="r", Command=command, **members)
        assert answer == {"Name": name}
        return name

    def start(self, job: str, **members: Any) -> str:
        """Start a run; when this returns it is acknowledged."""
        answer = self.call("StartJobRun", JobName=job, **members)
        assert "JobRunId" in answer, answer
        return str(answer["JobRunId"])

    def stop(self, job: str, run_id: str) -> bool:
        """Stop a run; return whether the stop was accepted, or came too late."""
        answer = self.call("BatchStopJobRun", JobName=job, JobRunIds=[run_id])
        late = [error["ErrorDetail"]["ErrorCode"] for error in answer.get("Errors", [])]
        assert late in ([], ["JobRunInTerminalStateException"]), answer
        return not late


def with_history(daemon: Daemon, run_id: str, query: str = "") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return a run and its history as the plain route shows them."""
    status, body, _ = daemon.get(f"/runs/{run_id}{query}")
    assert status == http.HTTPStatus.OK, body
    answer = json.loads(body)
    return answer["run"], answer["history"]


def is_dead(daemon: Daemon) -> bool:
    """Say whether the daemon's process has ended; only SIGKILL may have ended it."""
    assert daemon.process is not None
    code = daemon.process.poll()
    assert code in (None, -signal.SIGKILL), f"the daemon ended with {code}:\n{daemon.log()}"
    return code is not None


class Lives:
    """One daemon's lives: killed at armed points, started again until it serves, each point armed until it was reached."""

    def __init__(
        self,
        root: Path,
        points: Iterable[str | None] = (),
        *,
        environment: Mapping[str, str] | None = None,
        **settings: object,
    ) -> None:
        """Arm `points` (None: nothing) from the first life on."""
        self._points = [point for point in points if point is not None]
        self._log = root / "reached"
        self.daemon = a_daemon(root, crash_log=self._log, **settings)
        self.daemon.environment.update(environment or {})
        self.client = PatientClient(self.daemon, self.revive)
        self.markers = Markers(root / "markers")
        self.deaths = 0
        self._is_armed = False

    def __enter__(self) -> Self:
        """Begin the first life."""
        self._start()
        try:
            self.revive()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End the last one, and whatever is left of its runs."""
        print(self.daemon.log())  # noqa: T201 - pytest shows it where a test fails
        self.daemon.kill()
        self.daemon.end_runs()
        for pid in alive_of(self.markers):  # where a test fails: no mark leads to a process without an environment
            with contextlib.suppress(ProcessLookupError):
                kill(pid)

    def revive(self) -> None:
        """Start it where it is dead, and wait until it serves."""
        while not self._serves():
            until(lambda: is_dead(self.daemon) or self._serves(), within_s=30, what="a daemon that is dead or serves")
            if is_dead(self.daemon):
                self.deaths += 1
                self._start()

    def renew(self) -> None:
        """Make sure that nothing is armed any more: kill it and start it again where a point was never reached."""
        self._points.clear()
        if self._is_armed:
            self.daemon.kill()
            self._start()
        self.revive()

    def wait_for_end(self, run_id: str) -> None:
        """Wait until a run has ended, over as many lives as that takes."""
        until(lambda: is_dead(self.daemon) or is_ended(self.daemon, run_id), within_s=30, what=f"the end of {run_id}")
        while is_dead(self.daemon):
            self.revive()
            until(
                lambda: is_dead(self.daemon) or is_ended(self.daemon, run_id), within_s=30, what=f"the end of {run_id}"
            )

    def reached(self) -> set[str]:
        """Return the points that were reached so far."""
        return reached(self._log)

    def reached_count(self, point: str) -> int:
        """Return how often a point was reached so far."""
        return self._log.read_text().splitlines().count(point) if self._log.exists() else 0

    def _serves(self) -> bool:
        with contextlib.suppress(AssertionError):  # it died in between
            return self.daemon.is_serving()
        return False

    def _start(self) -> None:
        left = [point for point in self._points if point.partition(":")[0] not in self.reached()]
        self._is_armed = bool(left)
        self.daemon.start({"ORCHESTRATOR_CRASH_AT": ",".join(left)}, wait=False)


def is_ended(daemon: Daemon, run_id: str) -> bool:
    """Say whether a run has ended; False where nobody answers."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        return with_history(daemon, run_id)[0]["completed_on_ms"] is not None
    return False


def bookmark(client: PatientClient, job: str) -> dict[str, Any] | None:
    """Return a job's bookmark, or None where there is none."""
    answer = client.call("GetJobBookmark", JobName=job)
    if answer.get("__type") == "EntityNotFoundException":
        return None
    entry: dict[str, Any] = answer["JobBookmarkEntry"]
    return entry


def check_truthful(daemon: Daemon, run_id: str) -> dict[str, Any]:
    """Hold that a run has ended, that row and history agree, and that what went wrong is said; return the run."""
    run, history = with_history(daemon, run_id)
    assert run["state"] in TERMINAL, run
    assert run["completed_on_ms"] is not None, run
    assert history[0]["from_state"] is None, history
    assert history[-1]["to_state"] == run["state"], (run, history)
    for before, after in itertools.pairwise(history):
        assert after["from_state"] == before["to_state"], history
        step = (JobRunState(after["from_state"]), RunEvent(after["event"]))
        assert TRANSITIONS[step] == after["to_state"], history
    assert sum(step["to_state"] in TERMINAL for step in history) == 1, history
    assert bool(run["error_message"]) == (run["state"] != "SUCCEEDED"), run
    return run


def check_ran_once(markers: Markers, run: Mapping[str, Any]) -> None:
    """Hold that a run's script started at most once, and to its end if it SUCCEEDED."""
    starts, ends = (len(markers.all(phase, run_id=run["id"])) for phase in ("start", "end"))
    assert starts <= 1, markers.all()
    assert ends <= starts, markers.all()
    if run["state"] == "SUCCEEDED":
        assert ends == 1, (run, markers.all())


def check_nothing_left(daemon: Daemon, markers: Markers) -> None:
    """Hold that no process of any run is alive: not by mark, not by argv, not by the pids that scripts wrote down."""

    def is_quiet() -> bool:
        return not left_of(daemon)

    until(is_quiet, what=f"nothing below {daemon.state_dir} but the daemon")
    assert not alive_of(markers)


def alive_of(markers: Markers) -> set[int]:
    """Return the pids that scripts wrote down and that are still theirs: a reused one would be younger than the file."""
    if not markers.path.exists():
        return set()
    written_at = markers.path.stat().st_mtime
    alive = set()
    for pid in markers.pids():
        with contextlib.suppress(psutil.NoSuchProcess):
            if processes.is_alive(pid) and psutil.Process(pid).create_time() <= written_at:
                alive.add(pid)
    return alive


def left_of(daemon: Daemon) -> list[psutil.Process]:
    """Return the live processes of a state directory, without the daemon."""
    return [process for process in processes.below(daemon.state_dir) if process.pid != daemon.pid]


def shim_of(daemon: Daemon, run_id: str) -> psutil.Process:
    """Return the live shim that holds a run's claim."""
    fields = json.loads((run_directory(daemon, run_id) / "claim").read_text())
    shim = psutil.Process(fields["pid"])
    assert any(run_id in word for word in shim.cmdline()), shim
    return shim


def run_directory(daemon: Daemon, run_id: str) -> Path:
    """Return the directory of a run."""
    return daemon.state_dir / "runs" / run_id[3:5] / run_id


def reached(log: Path) -> set[str]:
    """Return the points that ORCHESTRATOR_CRASH_LOG says were reached."""
    return set(log.read_text().splitlines()) if log.exists() else set()


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal to a process that is known to be ours."""
    os.kill(pid, number)

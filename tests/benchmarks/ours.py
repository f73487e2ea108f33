"""Our daemon as a contender, and as what the other workloads measure."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from orchestrator import __version__
from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import SLOTS, Work, hold
from tests.benchmarks.proof import CountedScript
from tests.benchmarks.wire import Connection, start_runs
from tests.support.daemon import Daemon

PRELOAD: Final = "--orchestrator-preload"
COLD: Final[Mapping[str, str]] = {}
WARM: Final[Mapping[str, str]] = {PRELOAD: ""}
_LAST: Final = 2 * SLOTS
"""So many of the newest runs can be without an end when every script has come to its end."""
_LOOK_S: Final = 0.001
_STUCK_S: Final = 60
_PAGE: Final = 200


@contextmanager
def daemon(bench: Bench, directory: Path, *, slots: int = SLOTS) -> Iterator[Daemon]:
    """Lend a running daemon that runs so many scripts at once; nothing of it is left on leaving."""
    settings = {
        "ORCHESTRATOR_PYTHON": str(bench.scripts_python),
        "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": str(slots),
        "ORCHESTRATOR_CAPACITY__DPUS": "1000",
    }
    one = Daemon(directory, settings)
    try:
        one.start()
        bench.household.know(one.pid)
        yield one
    finally:
        stop(bench, one)


def stop(bench: Bench, one: Daemon) -> None:
    """End a daemon and every process of its runs."""
    if one.process is not None:
        one.terminate()
    one.end_runs()
    bench.household.settle()


def define(one: Daemon, name: str, script: Path, arguments: Mapping[str, str], *, is_queuing: bool = True) -> None:
    """Make a job of a script."""
    members = {
        "Name": name,
        "Role": "r",
        "Command": {"Name": "pythonshell", "ScriptLocation": str(script), "PythonVersion": "3"},
        "MaxCapacity": 0.0625,
        "ExecutionProperty": {"MaxConcurrentRuns": 1000},
        "JobRunQueuingEnabled": is_queuing,
        "DefaultArguments": dict(arguments),
    }
    with Connection(one.port) as connection:
        connection.call("CreateJob", members)


def states(one: Daemon, job: str) -> list[str]:
    """Return the states of a job's runs, the newest first."""
    found: list[str] = []
    token: dict[str, str] = {}
    with Connection(one.port) as connection:
        while True:
            page = connection.call("GetJobRuns", {"JobName": job, "MaxResults": _PAGE, **token})
            found += [run["JobRunState"] for run in page["JobRuns"]]
            if "NextToken" not in page:
                return found
            token = {"NextToken": page["NextToken"]}


def check_succeeded(one: Daemon, job: str, count: int) -> None:
    """Hold that a job has so many runs and that each SUCCEEDED."""
    found = states(one, job)
    hold(found == ["SUCCEEDED"] * count, f"{job} has {found.count('SUCCEEDED')} runs that SUCCEEDED of {count}")


def wait_for_ends(one: Daemon, job: str, run_ids: Sequence[str]) -> None:
    """Wait until these runs are in their last states; it asks often, so ask for few."""
    until_s = time.monotonic() + _STUCK_S
    with Connection(one.port) as connection:
        for run_id in run_ids:
            while "CompletedOn" not in look(connection, job, run_id):
                hold(time.monotonic() < until_s, f"{run_id} does not end")
                time.sleep(_LOOK_S)


def look(connection: Connection, job: str, run_id: str) -> dict[str, Any]:
    """Return a run."""
    run: dict[str, Any] = connection.call("GetJobRun", {"JobName": job, "RunId": run_id})["JobRun"]
    return run


class Ours:
    """This orchestrator; its runs start cold, or warm with some modules loaded."""

    def __init__(self, name: str, arguments: Mapping[str, str]) -> None:
        """Take the job's arguments."""
        self.name = name
        self._arguments = arguments

    def why_not(self, bench: Bench) -> str | None:
        """Return why it cannot take part, or None."""
        return None

    def version(self, bench: Bench) -> str:
        """Return its version."""
        return f"{__version__}, Python {sys.version.split()[0]}"

    @contextmanager
    def ready(self, bench: Bench, script: CountedScript, directory: Path) -> Iterator[Work]:
        """Lend it."""
        job, total = "script", 0
        with daemon(bench, directory) as one:
            define(one, job, script.path, self._arguments)

            def run(count: int) -> None:
                nonlocal total
                already = script.count
                burst = start_runs(one.port, {"JobName": job}, count=count)
                run_ids = [answer["JobRunId"] for answer in burst.answers]
                script.wait_for(already + count)
                wait_for_ends(one, job, run_ids[-_LAST:])
                total += count

            yield Work(run=run)
            check_succeeded(one, job, total)

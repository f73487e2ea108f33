"""Many requests to one daemon over several connections, each answer judged, the daemon's memory watched."""

import contextlib
import itertools
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import psutil

from tests.fuzz.judge import complaints
from tests.fuzz.requests import Request, request
from tests.support import wire
from tests.support.daemon import Daemon

CONNECTIONS: Final = 4
WARM_UP: Final = 0.3
"""Of the requests: until then the caches fill, and the allocator finds its size."""
MAX_GROWTH_BYTES: Final = 16 * 1024 * 1024
"""After the warm-up of 10,000 requests: some 2 KiB for each that follows, which is less than a request that is kept.
What it grows by without a leak is some MiB: the answers become longer with the history."""
_JOB: Final = """\
[Command]
Name = "pythonshell"
ScriptLocation = "script.py"

[ExecutionProperty]
MaxConcurrentRuns = 3

[DefaultArguments]
"--job-bookmark-option" = "job-bookmark-enable"
"""
_SCRIPT: Final = """\
import orchestrator_bookmark
orchestrator_bookmark.put(1)
print("steady")
"""


@dataclass(slots=True)
class Report:
    """What came of it."""

    sent: int = 0
    complaints: list[str] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    ways: Counter[str] = field(default_factory=Counter)
    slowest_s: float = 0
    warm_bytes: int = 0
    end_bytes: int = 0

    @property
    def growth_bytes(self) -> int:
        """By how much the daemon grew after its warm-up."""
        return self.end_bytes - self.warm_bytes


@dataclass(frozen=True, slots=True)
class Scene:
    """What is there for requests to be about."""

    daemon: Daemon
    run_ids: Sequence[str]
    workflow_run_ids: Sequence[str]
    script: str

    def bytes_of(self, one: Request) -> bytes:
        """Return what is sent for a request."""
        return one.data(self.run_ids, self.workflow_run_ids, self.script)


def job_files(daemon: Daemon) -> None:
    """Write the job that no request can change, before the daemon starts."""
    folder = daemon.jobs_dir / "steady"
    folder.mkdir(parents=True)
    (folder / "job.toml").write_text(_JOB)
    (folder / "script.py").write_text(_SCRIPT)


def scene(daemon: Daemon) -> Scene:
    """Make a trigger, a workflow and runs of both and of the job."""
    actions = [{"JobName": "steady"}]
    daemon.call("CreateTrigger", {"Name": "tick", "Type": "ON_DEMAND", "Actions": actions})
    daemon.call("CreateWorkflow", {"Name": "flow"})
    members = {"Name": "begin", "Type": "ON_DEMAND", "Actions": actions, "WorkflowName": "flow"}
    daemon.call("CreateTrigger", members)
    run_ids = []
    for _ in range(3):
        run_ids.append(daemon.call("StartJobRun", {"JobName": "steady"})["JobRunId"])
        daemon.ended("steady", run_ids[-1])
    workflow_run_ids = [daemon.call("StartWorkflowRun", {"Name": "flow"})["RunId"] for _ in range(2)]
    return Scene(daemon, run_ids, workflow_run_ids, str(daemon.jobs_dir / "steady" / "script.py"))


def run(stage: Scene, *, count: int, seed: int, first: int = 0) -> Report:
    """Send the requests of a seed and judge what comes; a request that is not answered in time is a complaint."""
    report = Report()
    warm = first + int(count * WARM_UP)
    for begin, end in itertools.pairwise([first, warm, first + count]):
        with ThreadPoolExecutor(CONNECTIONS) as threads:
            lines = [range(begin + number, end, CONNECTIONS) for number in range(CONNECTIONS)]
            for part in threads.map(lambda numbers: _send(stage, seed, numbers), lines):
                _add(report, part)
        size = psutil.Process(stage.daemon.pid).memory_info().rss
        report.warm_bytes, report.end_bytes = report.end_bytes or size, size
    return report


def _send(stage: Scene, seed: int, numbers: range) -> Report:
    report = Report()
    connection = wire.connect(stage.daemon.port)
    try:
        for number in numbers:
            one = request(seed, number)
            began_s = time.monotonic()
            try:
                with contextlib.suppress(ConnectionError):  # refused before all was read; the answer says why
                    connection.sendall(stage.bytes_of(one))
                answer = wire.read_answer(connection)
            except (OSError, ValueError, IndexError, KeyError) as error:
                report.complaints.append(f"{one}\n    no answer: {error!r}")
                connection.close()
                connection = wire.connect(stage.daemon.port)
                continue
            report.sent += 1
            report.slowest_s = max(report.slowest_s, time.monotonic() - began_s)
            report.statuses[answer.status] += 1
            report.ways[one.how] += 1
            report.complaints += [f"{one}\n    {found}" for found in complaints(one, answer)]
            if answer.headers.get("connection") == "close":
                connection.close()
                connection = wire.connect(stage.daemon.port)
    finally:
        connection.close()
    return report


def _add(report: Report, part: Report) -> None:
    report.sent += part.sent
    report.complaints += part.complaints
    report.statuses += part.statuses
    report.ways += part.ways
    report.slowest_s = max(report.slowest_s, part.slowest_s)

"""Clients of several kinds, each in a thread of its own, each with its own dice."""

import contextlib
import http.client
import json
import random
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.soak.history import ACKNOWLEDGED, REFUSED, UNKNOWN
from tests.soak.record import Record
from tests.soak.stage import Stage
from tests.support.daemon import ROOT

_PATIENCE_S: Final = 90
_KNOWN_RUNS: Final = 400
_LATER: Final = frozenset({"InternalServiceException", "ServiceUnavailableException", "OperationTimeoutException"})
_STARTED: Final[Mapping[str, int]] = {
    "quick": 24,
    "warm": 14,
    "mark": 8,
    "race": 8,
    "chance": 6,
    "warm-chance": 6,
    "parent": 6,
    "long": 5,
    "by-file": 5,
    "flaky": 3,
    "strict": 3,
    "chatty": 2,
    "stubborn": 2,
}
"""How often each job is started, of all starts."""

Send = Callable[[str, dict[str, Any]], tuple[str, dict[str, Any]]]
"""Makes one call, however often it has to be sent; returns the outcome and the answer."""


class Known:
    """The runs that were acknowledged lately, which clients stop, retry and look at."""

    def __init__(self) -> None:
        """Begin with none."""
        self._runs: list[tuple[str, str]] = []
        self._workflow_runs: list[str] = []
        self._lock = threading.Lock()

    def add(self, job: str, run_id: str) -> None:
        """Remember a run."""
        with self._lock:
            self._runs = [*self._runs[-_KNOWN_RUNS:], (job, run_id)]

    def add_workflow_run(self, run_id: str) -> None:
        """Remember a run of the workflow."""
        with self._lock:
            self._workflow_runs = [*self._workflow_runs[-20:], run_id]

    def some(self, chance: random.Random, jobs: frozenset[str] | None = None) -> tuple[str, str] | None:
        """Return one, of these jobs; the newest more often."""
        with self._lock:
            runs = [run for run in self._runs[-40:] if jobs is None or run[0] in jobs]
        return chance.choice(runs) if runs else None

    def some_workflow_run(self, chance: random.Random) -> str | None:
        """Return one."""
        with self._lock:
            return chance.choice(self._workflow_runs) if self._workflow_runs else None


class Client:
    """Does one thing after the other until it is told to stop."""

    def __init__(
        self, name: str, seed: int, record: Record, known: Known, send: Send, *, starts_only: bool = False
    ) -> None:
        """Make calls by `send`."""
        self.name = name
        self._chance = random.Random(f"{seed} {name}")
        self._record = record
        self._known = known
        self._send = send
        self._count = 0
        others: list[tuple[Callable[[], None], int]] = [
            (self._stop, 12),
            (self._retry, 4),
            (self._reset, 3),
            (self._look, 8),
        ]
        others += [(self._fire, 6), (self._start_workflow, 4), (self._stop_workflow, 1)]
        self._ways = [(self._start, 66), *([] if starts_only else others)]

    def run(self, stop: threading.Event, pause_s: float) -> None:
        """Do so."""
        ways, weights = zip(*self._ways, strict=True)
        while not stop.wait(self._chance.uniform(0, 2 * pause_s)):
            self._chance.choices(ways, weights)[0]()

    def _call(self, action: str, members: dict[str, Any]) -> dict[str, Any] | None:
        number = self._record.asked(self.name, action, members)
        outcome, answer = self._send(action, members)
        self._record.answered(number, outcome, answer, action)
        return answer if outcome == ACKNOWLEDGED else None

    def _ticket(self) -> str:
        self._count += 1
        return f"{self.name}-{self._count}"

    def _start(self) -> None:
        job = self._chance.choices(list(_STARTED), list(_STARTED.values()))[0]
        arguments = {"--ticket": self._ticket()}
        if job not in ("long", "stubborn", "strict", "parent"):
            arguments["--seconds"] = str(round(self._chance.expovariate(4), 2))
        answer = self._call("StartJobRun", {"JobName": job, "Arguments": arguments})
        if answer is not None:
            self._known.add(job, answer["JobRunId"])

    def _stop(self) -> None:
        run = self._known.some(self._chance, frozenset({"long", "stubborn", "quick", "mark", "flaky", "parent"}))
        if run is not None:
            self._call("BatchStopJobRun", {"JobName": run[0], "JobRunIds": [run[1]]})

    def _retry(self) -> None:
        run = self._known.some(self._chance, frozenset({"chance", "warm-chance", "flaky"}))
        if run is not None:
            answer = self._call("StartJobRun", {"JobName": run[0], "JobRunId": run[1]})
            if answer is not None:
                self._known.add(run[0], answer["JobRunId"])

    def _reset(self) -> None:
        self._call("ResetJobBookmark", {"JobName": self._chance.choice(["mark", "race"])})

    def _fire(self) -> None:
        self._call("StartTrigger", {"Name": "go"})

    def _start_workflow(self) -> None:
        answer = self._call("StartWorkflowRun", {"Name": "flow", "RunProperties": {"ticket": self._ticket()}})
        if answer is not None:
            self._known.add_workflow_run(answer["RunId"])

    def _stop_workflow(self) -> None:
        run_id = self._known.some_workflow_run(self._chance)
        if run_id is not None:
            self._call("StopWorkflowRun", {"Name": "flow", "RunId": run_id})

    def _look(self) -> None:
        run = self._known.some(self._chance)
        if run is None:
            return
        outcome, answer = self._send("GetJobRun", {"JobName": run[0], "RunId": run[1]})
        self._record.count(f"GetJobRun {outcome}")
        if outcome == ACKNOWLEDGED:
            self._record.saw(run[1], answer["JobRun"]["JobRunState"])
        outcome, answer = self._send("GetJobRuns", {"JobName": run[0], "MaxResults": 20})
        for one in answer.get("JobRuns", []):
            self._record.saw(one["Id"], one["JobRunState"])


def by_boto(stage: Stage) -> Send:
    """Return how boto3 makes a call, with its own retries."""
    client = stage.daemon.client(retries={"mode": "legacy", "max_attempts": 12}, read_timeout=20, connect_timeout=5)
    from botocore.exceptions import ClientError, HTTPClientError  # noqa: PLC0415 - as boto3

    names = {action: method for method, action in client.meta.method_to_api_mapping.items()}

    def send(action: str, members: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        try:
            answer = getattr(client, names[action])(**members)
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return (UNKNOWN if code in _LATER else REFUSED), {"__type": code}
        except HTTPClientError as error:
            return UNKNOWN, {"__type": type(error).__name__}
        answer.pop("ResponseMetadata", None)
        return ACKNOWLEDGED, json.loads(json.dumps(answer, default=str))

    return send


def by_hand(stage: Stage, chance: random.Random) -> Send:
    """Return how a client without an SDK makes a call: again and again under one id, sometimes once more after the answer."""

    def once(action: str, members: dict[str, Any], headers: dict[str, str]) -> dict[str, Any] | None:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            answer = stage.daemon.call(action, members, headers)
            return None if answer.get("__type") in _LATER else answer
        return None

    def send(action: str, members: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        headers = {"amz-sdk-invocation-id": str(uuid.UUID(int=chance.getrandbits(128)))}
        deadline_s = time.monotonic() + _PATIENCE_S
        while (answer := once(action, members, headers)) is None:
            if time.monotonic() > deadline_s:
                return UNKNOWN, {}
            time.sleep(0.05)
        if "__type" in answer:
            return REFUSED, answer
        if action in ("StartJobRun", "StartTrigger", "StartWorkflowRun") and chance.random() < 0.2:
            again = once(action, members, headers)
            assert again in (None, answer), f"{action} was answered by {answer}, and again by {again}"
        return ACKNOWLEDGED, answer

    return send


def by_command_line(stage: Stage) -> Send:
    """Return how the command line starts a run; other calls it leaves to others."""
    command = [sys.executable, "-m", "orchestrator"]

    def send(action: str, members: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        assert action == "StartJobRun"
        pairs = [word for pair in members["Arguments"].items() for word in pair]
        done = subprocess.run(
            [
                *command,
                "start",
                members["JobName"],
                "--endpoint-url",
                stage.daemon.endpoint_url,
                "-o",
                "json",
                "--",
                *pairs,
            ],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
        if done.returncode == 0:
            return ACKNOWLEDGED, json.loads(done.stdout)
        return (REFUSED if done.returncode in (65, 66) else UNKNOWN), {"__type": str(done.returncode)}

    return send


def be_slow(stage: Stage, seed: int, record: Record, stop: threading.Event) -> None:
    """Send requests byte by byte, stop in the middle, leave without a word, keep connections open for nothing."""
    chance = random.Random(f"{seed} slow")
    body = b'{"JobName": "quick"}'
    head = (
        b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AWSGlue.GetJob\r\n"
        b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    )
    idle: list[socket.socket] = []
    try:
        while not stop.wait(chance.uniform(0, 0.5)):
            record.count("slow connections")
            with contextlib.suppress(OSError):
                connection = socket.create_connection(("127.0.0.1", stage.daemon.port), timeout=5)
                idle.append(connection)
                for byte in (head + body)[: chance.randint(0, len(head + body))]:
                    connection.sendall(bytes([byte]))
                    if stop.wait(chance.expovariate(1 / 0.005)):
                        break
            while len(idle) > 20:
                idle.pop(0).close()
    finally:
        for connection in idle:
            connection.close()

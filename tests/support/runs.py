"""What tests do with runs over the wire: start them, wait for them, read what their scripts wrote."""

import contextlib
import http.client
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from tests.support.daemon import Daemon
from tests.support.waiting import until

PRINT_ARGV: Final = "import json, sys\nprint(json.dumps(sys.argv[1:]))\n"
"""A script that prints its arguments."""

WAIT_FOR_GATE: Final = """
import os, sys, time
print("begun", flush=True)
while not os.path.exists(sys.argv[sys.argv.index("--gate") + 1]):
    time.sleep(0.01)
"""
"""A script that ends when the file that `--gate` names exists."""

INJECTED: Final = ("--JOB_NAME", "--JOB_ID", "--JOB_RUN_ID", "--TempDir")

Error = tuple[str, str]


def start(daemon: Daemon, job: str, headers: Mapping[str, str] | None = None, **members: Any) -> str:
    """Start a run that must be accepted; return its id."""
    answer = daemon.call("StartJobRun", {"JobName": job, **members}, headers)
    assert set(answer) == {"JobRunId"}, answer
    return str(answer["JobRunId"])


def finish(daemon: Daemon, job: str, *, within_s: float = 30, **members: Any) -> dict[str, Any]:
    """Start a run and wait for its end; return it as it ended."""
    return daemon.ended(job, start(daemon, job, **members), within_s=within_s)


def succeed(daemon: Daemon, job: str, **members: Any) -> dict[str, Any]:
    """Start a run and wait for its end, which must be SUCCEEDED; return it."""
    run = finish(daemon, job, **members)
    assert run["JobRunState"] == "SUCCEEDED", (run, output(daemon, run["Id"], "stderr"))
    return run


def refusal(answer: Mapping[str, Any]) -> Error:
    """Return name and sentence of an error's answer."""
    assert set(answer) == {"__type", "Message"}, answer
    return answer["__type"], answer["Message"]


def refused(daemon: Daemon, action: str, headers: Mapping[str, str] | None = None, /, **members: Any) -> Error:
    """Call an action that must be refused; return the error's name and sentence."""
    return refusal(daemon.call(action, members, headers))


def refused_start(daemon: Daemon, job: str, /, **members: Any) -> Error:
    """Ask for a run that must be refused; return the error's name and sentence."""
    return refused(daemon, "StartJobRun", JobName=job, **members)


def output(daemon: Daemon, run_id: str, stream: str = "stdout") -> str:
    """Return what the run's script has written so far (up to 1 MiB)."""
    status, body, _ = daemon.get(f"/runs/{run_id}/log/{stream}")
    assert status == http.client.OK, body
    return body.decode()


def printed(daemon: Daemon, run: Mapping[str, Any]) -> Any:
    """Return the one JSON value that an ended run's script printed."""
    return json.loads(output(daemon, run["Id"]))


def details(daemon: Daemon, run_id: str) -> dict[str, Any]:
    """Return what the plain route tells about a run: the run with its figures, its history, its directory."""
    status, body, _ = daemon.get(f"/runs/{run_id}")
    assert status == http.client.OK, body
    told: dict[str, Any] = json.loads(body)
    return told


def directory(daemon: Daemon, run_id: str) -> Path:
    """Return the run's directory."""
    return Path(details(daemon, run_id)["directory"])


def in_state(daemon: Daemon, job: str, run_id: str, *states: str) -> dict[str, Any]:
    """Wait until the run is in one of these states; return it."""

    def look() -> dict[str, Any] | None:
        run = daemon.run(job, run_id)
        return run if run["JobRunState"] in states else None

    return until(look, what=f"{run_id} in {' or '.join(states)}") or {}


def arguments_of(argv: list[str]) -> dict[str, str]:
    """Return the pairs in an argv of `--key value` tokens, without those that every script gets."""
    pairs = dict(zip(argv[::2], argv[1::2], strict=True))
    return {key: value for key, value in pairs.items() if key not in INJECTED}


@contextlib.contextmanager
def gated_run(daemon: Daemon, job: str, gate: Path, **members: Any) -> Iterator[str]:
    """Lend the id of a live run of a job whose script is `WAIT_FOR_GATE`; it is let go and has ended on leaving."""
    arguments = {**members.pop("Arguments", {}), "--gate": str(gate)}
    run_id = start(daemon, job, Arguments=arguments, **members)
    try:
        in_state(daemon, job, run_id, "RUNNING")
        yield run_id
    finally:
        gate.touch()
        daemon.ended(job, run_id)


def counts(daemon: Daemon) -> tuple[int, int]:
    """Return how many jobs and how many of the newest 1,000 runs there are."""
    jobs = daemon.call("ListJobs", {"MaxResults": 1000})["JobNames"]
    runs = json.loads(daemon.get("/runs?limit=1000")[1])["runs"]
    return len(jobs), len(runs)

"""Prefect's GlueJobBlock starts runs, waits for them, and raises the script's own error."""

import json
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.clients.running import HERE, PYTHON, Client, needs_python, running, sdk_variables
from tests.support import runs
from tests.support.daemon import Daemon

pytestmark = [needs_python, pytest.mark.timeout(180)]

TWO_LINES: Final = f"{runs.PRINT_ARGV}\nimport time\n{runs.WAIT_FOR_GATE}"


def prefect(daemon: Daemon, home: Path, job: str, arguments: dict[str, str]) -> AbstractContextManager[Client]:
    """Lend a program that runs `job`."""
    variables = {**sdk_variables(daemon), "PREFECT_HOME": str(home), "DO_NOT_TRACK": "1"}
    request = {"job": job, "arguments": arguments}
    return running([str(PYTHON), str(HERE / "prefect_client.py")], home, variables, request)


def test_a_block_runs_a_job_and_waits_for_its_end(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("prefect_succeeds", TWO_LINES)
    gate = tmp_path / "gate"
    with prefect(daemon, tmp_path, job, {"--who": "moon", "--gate": str(gate)}) as client:
        client.await_output("watching job prefect_succeeds with run id ")
        gate.touch()
        answer: dict[str, Any] = client.answer()
    assert (answer["state"], answer["error"]) == ("SUCCEEDED", None)
    argv, begun = runs.output(daemon, answer["run"]).splitlines()
    assert runs.arguments_of(json.loads(argv)) == {"--who": "moon", "--gate": str(gate)}
    assert begun == "begun"
    assert [run["Id"] for run in daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]] == [answer["run"]]


@pytest.mark.parametrize(
    ("script", "state", "error"),
    [
        ("raise ValueError('no such flight')\n", "FAILED", "ValueError: no such flight"),
        ("import sys\nsys.exit(3)\n", "FAILED", "3"),
    ],
)
def test_a_block_raises_the_error_of_its_run(
    daemon: Daemon, tmp_path: Path, script: str, state: str, error: str
) -> None:
    job = daemon.job(f"prefect_{error.partition(':')[0]}", script)
    with prefect(daemon, tmp_path, job, {}) as client:
        answer = client.answer()
    assert answer["state"] == state
    assert error in answer["error"]
    assert answer["error"] == daemon.run(job, answer["run"])["ErrorMessage"]

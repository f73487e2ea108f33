"""The AWS CLI (version 1, unmodified) defines, starts, watches and stops jobs, and fails as scripts expect it to."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(120)]

AWS: Final = Path(sys.executable).with_name("aws")
EX_ERROR: Final = 255


def aws(daemon: Daemon, action: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(daemon.root),
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url,
        "AWS_PAGER": "",
    }
    command = [sys.executable, str(AWS), "glue", action, "--output", "json", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def answered(daemon: Daemon, action: str, *arguments: str) -> dict[str, Any]:
    done = aws(daemon, action, *arguments)
    assert done.returncode == 0, done
    members: dict[str, Any] = json.loads(done.stdout)
    return members


def test_a_job_is_created_started_and_looked_at(daemon: Daemon) -> None:
    script = daemon.root / "cli.py"
    script.write_text("pass\n")
    command = f"Name=pythonshell,ScriptLocation={script},PythonVersion=3"
    assert answered(daemon, "create-job", "--name", "cli", "--role", "r", "--command", command) == {"Name": "cli"}
    run_id = answered(daemon, "start-job-run", "--job-name", "cli", "--arguments", '{"--a": "1"}')["JobRunId"]
    daemon.ended("cli", run_id)
    run = answered(daemon, "get-job-run", "--job-name", "cli", "--run-id", run_id)["JobRun"]
    assert (run["Id"], run["JobRunState"], run["Arguments"]) == (run_id, "SUCCEEDED", {"--a": "1"})


def test_runs_are_paged_by_the_cli_itself(daemon: Daemon) -> None:
    job = daemon.job("cli_paged", "pass\n", ExecutionProperty={"MaxConcurrentRuns": 20})
    ids = [runs.start(daemon, job) for _ in range(5)]
    for run_id in ids:
        daemon.ended(job, run_id)
    listed = answered(daemon, "get-job-runs", "--job-name", job, "--page-size", "2")["JobRuns"]
    assert [run["Id"] for run in listed] == ids[::-1]


def test_a_run_is_stopped(daemon: Daemon) -> None:
    job = daemon.job("cli_stopped", "import time\ntime.sleep(600)\n")
    run_id = runs.start(daemon, job)
    answer = answered(daemon, "batch-stop-job-run", "--job-name", job, "--job-run-ids", run_id, "jr_none")
    assert [one["JobRunId"] for one in answer["SuccessfulSubmissions"]] == [run_id]
    assert [one["JobRunId"] for one in answer["Errors"]] == ["jr_none"]
    assert daemon.ended(job, run_id)["JobRunState"] == "STOPPED"


def test_a_bookmark_is_reset(daemon: Daemon) -> None:
    job = daemon.job("cli_bookmark", "import orchestrator_bookmark as b\nb.put(1)\n")
    runs.succeed(daemon, job, Arguments={"--job-bookmark-option": "job-bookmark-enable"})
    entry = answered(daemon, "reset-job-bookmark", "--job-name", job)["JobBookmarkEntry"]
    assert entry == {"JobName": job, "Version": 2, "Run": 0, "Attempt": 0, "JobBookmark": "{}"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ("start-job-run", "--job-name", "none"),
            (
                "(EntityNotFoundException) when calling the StartJobRun operation: "
                "Failed to start job run due to missing metadata."
            ),
        ),
        (
            ("get-databases",),
            "(UnknownOperationException) when calling the GetDatabases operation: Unknown operation: GetDatabases",
        ),
    ],
)
def test_an_error_is_told_with_its_name_and_the_exit_code_of_errors(
    daemon: Daemon, arguments: tuple[str, ...], told: str
) -> None:
    done = aws(daemon, *arguments)
    assert done.returncode == EX_ERROR
    assert told in done.stderr

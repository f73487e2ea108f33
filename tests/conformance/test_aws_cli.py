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
from tests.support.waiting import until

pytestmark = [pytest.mark.conformance, pytest.mark.timeout(120)]

AWS: Final = Path(sys.executable).with_name("aws")
EX_ERROR: Final = 255


def aws(daemon: Daemon, action: str, *arguments: str, service: str = "glue") -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(daemon.root),
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": daemon.endpoint_url,
        "AWS_PAGER": "",
    }
    command = [sys.executable, str(AWS), service, action, "--output", "json", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


def answered(daemon: Daemon, action: str, *arguments: str, service: str = "glue") -> dict[str, Any]:
    done = aws(daemon, action, *arguments, service=service)
    assert done.returncode == 0, done
    members: dict[str, Any] = json.loads(done.stdout)
    return members


def the_run(daemon: Daemon, job: str) -> dict[str, Any]:
    """Wait until a job has a run, and the run has ended; return it."""
    (run,) = until(lambda: daemon.call("GetJobRuns", {"JobName": job})["JobRuns"], what=f"a run of {job}")
    return daemon.ended(job, run["Id"])


def test_a_job_is_created_started_and_looked_at(daemon: Daemon) -> None:
    script = daemon.root / "cli.py"
    script.write_text(runs.PRINT_ARGV)
    command = f"Name=pythonshell,ScriptLocation={script},PythonVersion=3"
    assert answered(daemon, "create-job", "--name", "cli", "--role", "r", "--command", command) == {"Name": "cli"}
    run_id = answered(daemon, "start-job-run", "--job-name", "cli", "--arguments", '{"--a": "1"}')["JobRunId"]
    assert runs.arguments_of(runs.printed(daemon, daemon.ended("cli", run_id))) == {"--a": "1"}
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


def test_a_trigger_starts_a_job_and_another_follows(daemon: Daemon) -> None:
    first, second = daemon.job("cli_first", runs.PRINT_ARGV), daemon.job("cli_second", runs.PRINT_ARGV)
    action = f'[{{"JobName": "{first}", "Arguments": {{"--by": "the trigger"}}}}]'
    begin = ("--name", "cli_begin", "--type", "ON_DEMAND", "--actions", action)
    assert answered(daemon, "create-trigger", *begin) == {"Name": "cli_begin"}
    predicate = f"Conditions=[{{LogicalOperator=EQUALS,JobName={first},State=SUCCEEDED}}]"
    follow = ("--name", "cli_follow", "--type", "CONDITIONAL", "--actions", f"JobName={second}", "--start-on-creation")
    assert answered(daemon, "create-trigger", *follow, "--predicate", predicate) == {"Name": "cli_follow"}
    assert {"cli_begin", "cli_follow"} <= set(answered(daemon, "list-triggers", "--page-size", "1")["TriggerNames"])
    assert answered(daemon, "get-trigger", "--name", "cli_follow")["Trigger"]["State"] == "ACTIVATED"
    assert answered(daemon, "start-trigger", "--name", "cli_begin") == {"Name": "cli_begin"}
    ended = the_run(daemon, first)
    assert (ended["TriggerName"], ended["JobRunState"]) == ("cli_begin", "SUCCEEDED")
    assert runs.arguments_of(runs.printed(daemon, ended)) == {"--by": "the trigger"}
    followed = the_run(daemon, second)
    assert (followed["TriggerName"], followed["JobRunState"]) == ("cli_follow", "SUCCEEDED")
    shown = answered(
        daemon, "get-job-run", "--job-name", second, "--run-id", followed["Id"], "--predecessors-included"
    )["JobRun"]
    assert shown["PredecessorRuns"] == [{"JobName": first, "RunId": ended["Id"]}]


def test_a_workflow_is_started_and_its_graph_looked_at(daemon: Daemon) -> None:
    job = daemon.job("cli_in_workflow", runs.PRINT_ARGV)
    properties = ("--default-run-properties", "day=2013-01-01")
    assert answered(daemon, "create-workflow", "--name", "cli_flow", *properties) == {"Name": "cli_flow"}
    begin = ("--name", "cli_flow_begin", "--type", "ON_DEMAND", "--workflow-name", "cli_flow")
    answered(daemon, "create-trigger", *begin, "--actions", f"JobName={job}")
    run_id = answered(daemon, "start-workflow-run", "--name", "cli_flow")["RunId"]
    ended = the_run(daemon, job)
    names = {"--WORKFLOW_NAME": "cli_flow", "--WORKFLOW_RUN_ID": run_id}
    assert runs.arguments_of(runs.printed(daemon, ended)) == names
    one = ("--name", "cli_flow", "--run-id", run_id)
    until(
        lambda: answered(daemon, "get-workflow-run", *one)["Run"]["Status"] == "COMPLETED",
        what="the end of the workflow's run",
    )
    run = answered(daemon, "get-workflow-run", *one, "--include-graph")["Run"]
    assert run["Statistics"]["SucceededActions"] == run["Statistics"]["TotalActions"] == 1
    nodes = {node["Name"]: node for node in run["Graph"]["Nodes"]}
    assert nodes.keys() == {job, "cli_flow_begin"}
    assert [found["Id"] for found in nodes[job]["JobDetails"]["JobRuns"]] == [ended["Id"]]
    assert answered(daemon, "get-workflow-run-properties", *one)["RunProperties"] == {"day": "2013-01-01"}


def test_tags_are_put_and_taken_away(daemon: Daemon) -> None:
    job = daemon.job("cli_tagged", "pass\n", Tags={"old": "1"})
    arn = ("--resource-arn", f"arn:aws:glue:us-east-1:123456789012:job/{job}")
    assert aws(daemon, "tag-resource", *arn, "--tags-to-add", "new=2").returncode == 0
    assert aws(daemon, "untag-resource", *arn, "--tags-to-remove", "old").returncode == 0
    assert answered(daemon, "get-tags", *arn) == {"Tags": {"new": "2"}}


def test_the_neighbours_that_the_cli_asks_for_answer(daemon: Daemon) -> None:
    caller = answered(daemon, "get-caller-identity", service="sts")
    assert caller.keys() == {"UserId", "Account", "Arn"}
    role = answered(daemon, "get-role", "--role-name", "glue", service="iam")["Role"]
    assert (role["RoleName"], role["Arn"].endswith(":role/glue")) == ("glue", True)


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

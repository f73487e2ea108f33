"""boto3, unmodified, drives every action: typed errors, paginators, and retries that never start a run twice."""

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import boto3
import pytest
from botocore import UNSIGNED, xform_name
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError

from orchestrator.wire import shapes
from tests.support import runs
from tests.support.daemon import Daemon
from tests.support.dropping_proxy import dropping_proxy
from tests.support.waiting import until

pytestmark = pytest.mark.conformance

NO_SCRIPT: Final = "pass\n"
COMMIT: Final = "import orchestrator_bookmark as b\nb.put({'n': 1})\n"
ENABLE: Final = {"--job-bookmark-option": "job-bookmark-enable"}
COMMAND: Final = {"Name": "pythonshell", "ScriptLocation": "/none.py", "PythonVersion": "3"}


@pytest.fixture(scope="module")
def glue(daemon: Daemon) -> Any:
    """Return a client as users make it."""
    return daemon.client()


def finished(daemon: Daemon, glue: Any, job: str, **members: Any) -> str:
    run_id: str = glue.start_job_run(JobName=job, **members)["JobRunId"]
    daemon.ended(job, run_id)
    return run_id


def test_a_job_goes_its_whole_way(daemon: Daemon, glue: Any) -> None:
    script = daemon.root / "whole.py"
    script.write_text("import sys\nprint(sys.argv)\n")
    command = {"Name": "pythonshell", "ScriptLocation": str(script), "PythonVersion": "3.9"}
    assert glue.create_job(Name="whole", Role="r", Command=command)["Name"] == "whole"
    assert glue.get_job(JobName="whole")["Job"]["Command"] == command
    run_id = glue.start_job_run(JobName="whole", Arguments={"--a": "1"})["JobRunId"]
    daemon.ended("whole", run_id)
    run = glue.get_job_run(JobName="whole", RunId=run_id, PredecessorsIncluded=True)["JobRun"]
    assert (run["JobRunState"], run["Arguments"], run["PredecessorRuns"]) == ("SUCCEEDED", {"--a": "1"}, [])
    assert isinstance(run["StartedOn"], datetime)
    assert abs((datetime.now(UTC) - run["StartedOn"]).total_seconds()) < 120
    assert glue.update_job(JobName="whole", JobUpdate={"Role": "new", "Command": command})["JobName"] == "whole"
    assert glue.delete_job(JobName="whole")["JobName"] == "whole"
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job(JobName="whole")


def test_a_run_is_stopped(daemon: Daemon, glue: Any) -> None:
    job = daemon.job("stopped", "import time\ntime.sleep(600)\n")
    run_id = glue.start_job_run(JobName=job)["JobRunId"]
    answer = glue.batch_stop_job_run(JobName=job, JobRunIds=[run_id, "jr_none"])
    assert answer["SuccessfulSubmissions"] == [{"JobName": job, "JobRunId": run_id}]
    assert answer["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    assert daemon.ended(job, run_id)["JobRunState"] == "STOPPED"


def test_a_bookmark_is_got_and_reset(daemon: Daemon, glue: Any) -> None:
    job = daemon.job("bookmarked", COMMIT)
    run_id = finished(daemon, glue, job, Arguments=ENABLE)
    assert glue.get_job_bookmark(JobName=job)["JobBookmarkEntry"]["RunId"] == run_id
    assert glue.reset_job_bookmark(JobName=job)["JobBookmarkEntry"]["Version"] == 2
    assert glue.reset_job_bookmark(JobName=job, RunId=run_id)["JobBookmarkEntry"]["JobBookmark"] == '{"n": 1}'


def test_jobs_are_listed_and_got_together(glue: Any) -> None:
    for name in ("listed_1", "listed_2"):
        glue.create_job(Name=name, Role="r", Command=COMMAND, Tags={"of": "listing"})
    assert glue.list_jobs(Tags={"of": "listing"})["JobNames"] == ["listed_1", "listed_2"]
    answer = glue.batch_get_jobs(JobNames=["listed_2", "none"])
    assert ([job["Name"] for job in answer["Jobs"]], answer["JobsNotFound"]) == (["listed_2"], ["none"])
    assert {"listed_1", "listed_2"} <= {job["Name"] for job in glue.get_jobs()["Jobs"]}


class Paged(NamedTuple):
    """A paginator: the list in its pages, how to name an item of it, and what to ask for."""

    member: str
    key: str | None = "Name"
    members: Mapping[str, str] = MappingProxyType({})


PAGED: Final[Mapping[str, Paged]] = MappingProxyType(
    {
        "get_job_runs": Paged("JobRuns", "Id", {"JobName": "paged_4"}),
        "get_jobs": Paged("Jobs"),
        "get_triggers": Paged("Triggers"),
        "get_workflow_runs": Paged("Runs", "WorkflowRunId", {"Name": "paged_4"}),
        "list_jobs": Paged("JobNames", None),
        "list_triggers": Paged("TriggerNames", None),
        "list_workflows": Paged("Workflows", None),
    }
)


@pytest.fixture(scope="module")
def paged(daemon: Daemon, glue: Any) -> dict[str, list[str]]:
    """Make five of everything that comes in pages; return what there is by its paginator."""
    names = [f"paged_{number}" for number in range(5)]
    for name in names:
        daemon.job(name, runs.PRINT_ARGV, ExecutionProperty={"MaxConcurrentRuns": 20})
        glue.create_workflow(Name=name)
        glue.create_trigger(Name=name, Type="ON_DEMAND", WorkflowName=name, Actions=[{"JobName": name}])
    workflow_runs = [glue.start_workflow_run(Name="paged_4")["RunId"] for _ in range(5)]
    started = until(lambda: runs_of(glue, "paged_4", 5), what="the runs that the workflow's trigger starts")
    for run_id in started:
        argv = json.loads(runs.output(daemon, daemon.ended("paged_4", run_id)["Id"]))
        assert argv[argv.index("--WORKFLOW_RUN_ID") + 1] in workflow_runs
    return {
        "get_job_runs": started,
        "get_workflow_runs": workflow_runs,
        **dict.fromkeys(("get_jobs", "get_triggers", "list_jobs", "list_triggers", "list_workflows"), names),
    }


def runs_of(glue: Any, job: str, count: int) -> list[str]:
    """Return the ids of a job's runs, if there are as many; else nothing."""
    found = [run["Id"] for run in glue.get_job_runs(JobName=job)["JobRuns"]]
    return found if len(found) == count else []


def test_every_paginator_of_our_actions_is_tried_below(glue: Any) -> None:
    ours = {xform_name(action) for action in shapes.REQUESTS}
    assert {action for action in ours if glue.can_paginate(action)} == PAGED.keys()


@pytest.mark.parametrize("action", sorted(PAGED))
def test_a_paginator_gives_every_item_once(glue: Any, paged: dict[str, list[str]], action: str) -> None:
    member, key, members = PAGED[action]
    pages = list(glue.get_paginator(action).paginate(PaginationConfig={"PageSize": 2}, **members))
    assert {len(page[member]) for page in pages[:-1]} == {2}
    items = [item[key] if key else item for page in pages for item in page[member]]
    assert len(set(items)) == len(items)
    assert {item for item in items if members or item.startswith("paged_")} == set(paged[action])


@pytest.mark.parametrize("action", sorted(PAGED))
def test_a_paginator_goes_on_where_another_stopped(glue: Any, paged: dict[str, list[str]], action: str) -> None:
    member, _, members = PAGED[action]
    paginator = glue.get_paginator(action)
    whole = paginator.paginate(**members).build_full_result()[member]
    begun = paginator.paginate(PaginationConfig={"PageSize": 2, "MaxItems": 3}, **members).build_full_result()
    resumption = {"PageSize": 2, "StartingToken": begun["NextToken"]}
    rest = paginator.paginate(PaginationConfig=resumption, **members).build_full_result()[member]
    assert begun[member] + rest == whole


@pytest.mark.parametrize(
    ("action", "members", "name"),
    [
        ("get_job", {"JobName": "none"}, "EntityNotFoundException"),
        ("start_job_run", {"JobName": "none"}, "EntityNotFoundException"),
        ("start_job_run", {"JobName": "typed", "Timeout": 10_081}, "InvalidInputException"),
        ("start_job_run", {"JobName": "typed", "MaxCapacity": 100.5}, "InvalidInputException"),
        ("start_job_run", {"JobName": "large", "MaxCapacity": 100.0}, None),
        ("create_job", {"Name": "typed", "Role": "other", "Command": COMMAND}, "IdempotentParameterMismatchException"),
        ("reset_job_bookmark", {"JobName": "typed"}, "EntityNotFoundException"),
        ("get_job_runs", {"JobName": "none"}, "EntityNotFoundException"),
        ("get_job_runs", {"JobName": "typed", "MaxResults": 201}, "InvalidInputException"),
    ],
)
def test_errors_are_typed(glue: Any, action: str, members: dict[str, Any], name: str | None) -> None:
    glue.create_job(Name="typed", Role="r", Command=COMMAND)
    if name is None:
        name, members = "EntityNotFoundException", {"JobName": f"none_{uuid.uuid4()}"}
    with pytest.raises(getattr(glue.exceptions, name)) as caught:
        getattr(glue, action)(**members)
    assert caught.value.response["Message"] == caught.value.response["Error"]["Message"] != ""
    assert caught.value.response["ResponseMetadata"]["RequestId"]
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_limits_are_typed(daemon: Daemon, glue: Any, tmp_path: Path) -> None:
    job = daemon.job("limited", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate"), pytest.raises(glue.exceptions.ConcurrentRunsExceededException):
        glue.start_job_run(JobName=job)


def test_an_operation_that_we_do_not_have_is_named(glue: Any) -> None:
    with pytest.raises(ClientError) as caught:
        glue.get_databases()
    assert caught.value.response["Error"] == {
        "Code": "UnknownOperationException",
        "Message": "Unknown operation: GetDatabases",
    }


@pytest.mark.parametrize("size", [1_100_000, 8_000_000])
def test_a_body_that_is_too_large_is_an_error_and_no_lost_connection(daemon: Daemon, glue: Any, size: int) -> None:
    with pytest.raises(ClientError) as caught:
        glue.start_job_run(JobName="any", Arguments={"--v": "x" * size})
    assert caught.value.response["Error"]["Code"] == "RequestEntityTooLargeException"
    assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 0


def test_no_credentials_are_needed(daemon: Daemon) -> None:
    config = Config(signature_version=UNSIGNED)
    glue = boto3.client("glue", endpoint_url=daemon.endpoint_url, region_name="us-east-1", config=config)
    assert "JobNames" in glue.list_jobs()


def test_the_endpoint_may_come_from_the_environment(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
    }.items():
        monkeypatch.setenv(name, value)
    assert "JobNames" in boto3.session.Session().client("glue").list_jobs()


# Retries.


def through(endpoint_url: str, mode: str) -> Any:
    return boto3.client(
        "glue",
        endpoint_url=endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"mode": mode}),
    )


@pytest.mark.parametrize("mode", ["legacy", "standard", "adaptive"])
def test_a_start_whose_answer_is_lost_is_one_run_and_botos_own_retry_gets_its_id(daemon: Daemon, mode: str) -> None:
    job = daemon.job(f"lost_answer_{mode}", NO_SCRIPT, ExecutionProperty={"MaxConcurrentRuns": 20})
    with dropping_proxy(daemon.port, drops=2) as proxy:
        answer = through(proxy.endpoint_url, mode).start_job_run(JobName=job)
    assert len(proxy.requests) == 3
    assert [one.members["JobRunId"] for one in proxy.answers] == [answer["JobRunId"]] * 3
    assert answer["ResponseMetadata"]["RetryAttempts"] == 2
    daemon.ended(job, answer["JobRunId"])
    assert [run["Id"] for run in daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]] == [answer["JobRunId"]]


def test_a_start_whose_answers_are_all_lost_is_one_run_all_the_same(daemon: Daemon) -> None:
    job = daemon.job("never_answered", NO_SCRIPT, ExecutionProperty={"MaxConcurrentRuns": 20})
    with dropping_proxy(daemon.port, drops=100) as proxy, pytest.raises(ConnectionClosedError):
        through(proxy.endpoint_url, "standard").start_job_run(JobName=job)
    assert len(proxy.requests) == 3
    (run,) = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
    daemon.ended(job, run["Id"])


@pytest.mark.parametrize("action", ["create_job", "delete_job", "update_job"])
def test_other_calls_that_are_sent_again_succeed_again(daemon: Daemon, action: str) -> None:
    name = f"again_{action}"
    members: dict[str, dict[str, Any]] = {
        "create_job": {"Name": name, "Role": "r", "Command": COMMAND, "Tags": {"a": "b"}},
        "delete_job": {"JobName": name},
        "update_job": {"JobName": name, "JobUpdate": {"Role": "r", "Command": COMMAND}},
    }
    if action != "create_job":
        daemon.job(name, NO_SCRIPT)
    with dropping_proxy(daemon.port, drops=1) as proxy:
        answer = getattr(through(proxy.endpoint_url, "standard"), action)(**members[action])
    assert answer["ResponseMetadata"]["RetryAttempts"] == 1


def test_a_daemon_that_restarts_is_not_noticed_by_a_client_that_retries(tmp_path: Path) -> None:
    with Daemon(tmp_path) as daemon:
        job, glue = daemon.job("over_restart", NO_SCRIPT), daemon.client()
        glue.list_jobs()  # its connection is kept alive, and will be a dead one
        daemon.kill()
        daemon.start()
        assert glue.get_job(JobName=job)["Job"]["Name"] == job

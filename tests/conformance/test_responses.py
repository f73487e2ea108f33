"""Every answer on the wire is exactly what botocore's model of it allows: no more members, no null, no other type."""

import http
import json
import uuid
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Final

import pytest
from botocore.model import ListShape, MapShape, Shape, StructureShape
from botocore.parsers import create_parser

from orchestrator.wire.shapes import REQUESTS
from tests.support import runs, wire
from tests.support.daemon import Daemon
from tests.support.waiting import until
from tests.unit.wire.glue_values import operation

pytestmark = pytest.mark.conformance

PYTHON_OF: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "integer": (int,),
    "long": (int,),
    "double": (float,),  # Glue writes MaxCapacity as 10.0
    "float": (float,),
    "boolean": (bool,),
    "timestamp": (float,),  # Glue writes fractions of a second
}
NOBODY: Final = f"jr_{'0' * 64}"
COMMAND: Final = {"Name": "glueetl", "ScriptLocation": "s3://bucket/script.py", "PythonVersion": "3"}
FULL_JOB: Final[dict[str, Any]] = {
    "JobMode": "SCRIPT",
    "JobRunQueuingEnabled": False,
    "Description": "d",
    "LogUri": "s3://logs",
    "Role": "r",
    "ExecutionProperty": {"MaxConcurrentRuns": 3},
    "Command": COMMAND,
    "DefaultArguments": {"--a": "1"},
    "NonOverridableArguments": {"--b": "2"},
    "Connections": {"Connections": ["c"]},
    "MaxRetries": 0,
    "Timeout": 5,
    "SecurityConfiguration": "s",
    "NotificationProperty": {"NotifyDelayAfter": 5},
    "GlueVersion": "4.0",
    "NumberOfWorkers": 2,
    "WorkerType": "G.1X",
    "ExecutionClass": "STANDARD",
    "SourceControlDetails": {"Provider": "GITHUB"},
    "MaintenanceWindow": "Sun:10",
    "Tags": {"a": "b"},
}
CONDITIONS: Final = [{"LogicalOperator": "EQUALS", "JobName": "commits", "State": "SUCCEEDED"}]
ACTION: Final[dict[str, Any]] = {
    "JobName": "starts",
    "Arguments": {"--a": "1"},
    "Timeout": 5,
    "SecurityConfiguration": "s",
    "NotificationProperty": {"NotifyDelayAfter": 5},
}
FULL_TRIGGERS: Final[dict[str, dict[str, Any]]] = {
    "ON_DEMAND": {"WorkflowName": "flow"},
    "SCHEDULED": {"Schedule": "cron(0 12 * * ? *)"},
    "CONDITIONAL": {"Predicate": {"Logical": "ANY", "Conditions": CONDITIONS}},
    "EVENT": {"EventBatchingCondition": {"BatchSize": 5, "BatchWindow": 60}},
}


def strictly(shape: Shape, value: Any, path: str = "") -> None:
    """Hold that `value` is one that the model allows, to the last member."""
    assert value is not None, f"{path} is null"
    match shape:
        case StructureShape():
            assert isinstance(value, dict), path
            assert set(value) <= set(shape.members), f"{path}: {set(value) - set(shape.members)} are unknown"
            assert set(shape.required_members) <= set(value), path
            for name, item in value.items():
                strictly(shape.members[name], item, f"{path}.{name}")
        case ListShape():
            assert isinstance(value, list), path
            for position, item in enumerate(value):
                strictly(shape.member, item, f"{path}[{position}]")
        case MapShape():
            assert isinstance(value, dict), path
            for key, item in value.items():
                strictly(shape.key, key, path)
                strictly(shape.value, item, f"{path}[{key}]")
        case _:
            assert type(value) in PYTHON_OF[shape.type_name], f"{path} is {value!r}, not a {shape.type_name}"
            enum = getattr(shape, "enum", [])
            assert not enum or value in enum, f"{path} is {value!r}, not one of {enum}"


def answered(daemon: Daemon, action: str, members: bytes) -> wire.Answer:
    answer = wire.exchange(daemon.port, wire.request(members, target=f"AWSGlue.{action}"))
    assert answer.headers["content-type"] == wire.JSON_1_1
    assert str(uuid.UUID(answer.headers["x-amzn-requestid"])) == answer.headers["x-amzn-requestid"]
    assert parsedate_to_datetime(answer.headers["date"]).year >= 2024
    return answer


def held(daemon: Daemon, action: str, **members: Any) -> dict[str, Any]:
    """Call an action, hold its answer to the model, and return its members."""
    answer = answered(daemon, action, json_of(members))
    assert answer.status == http.HTTPStatus.OK, answer
    shape = operation(action).output_shape
    strictly(shape, answer.members, action)
    parsed = create_parser("json").parse({"status_code": 200, "headers": answer.headers, "body": answer.body}, shape)
    assert set(parsed) - {"ResponseMetadata"} == set(answer.members)
    return answer.members


def json_of(members: dict[str, Any]) -> bytes:
    return json.dumps(members).encode()


@pytest.fixture(scope="module")
def job(daemon: Daemon) -> str:
    """Return a job that commits a bookmark."""
    return daemon.job("commits", "import orchestrator_bookmark as b\nb.put({'n': 1})\n", DefaultArguments={"--a": ""})


@pytest.fixture(scope="module")
def run_id(daemon: Daemon, job: str) -> str:
    """Return a run of it that has committed."""
    run = runs.succeed(daemon, job, Arguments={"--job-bookmark-option": "job-bookmark-enable"})
    return str(run["Id"])


@pytest.fixture(scope="module")
def ends(daemon: Daemon) -> Iterator[list[tuple[str, str]]]:
    """Lend runs in every state that a test can bring about: pairs of job and run."""
    sleeper = daemon.job("sleeps", "import time\ntime.sleep(600)\n", JobRunQueuingEnabled=True)
    live, waiting, stopped = (runs.start(daemon, sleeper) for _ in range(3))
    daemon.call("BatchStopJobRun", {"JobName": sleeper, "JobRunIds": [stopped]})
    runs.in_state(daemon, sleeper, live, "RUNNING")
    failing = daemon.job("fails", "raise ValueError(1)\n", NotificationProperty={"NotifyDelayAfter": 1})
    failed = runs.finish(daemon, failing, Timeout=3, ExecutionClass="FLEX", SecurityConfiguration="s")["Id"]
    retried = runs.finish(daemon, failing, JobRunId=failed)["Id"]
    yield [(sleeper, live), (sleeper, waiting), (sleeper, stopped), (failing, failed), (failing, retried)]
    daemon.call("BatchStopJobRun", {"JobName": sleeper, "JobRunIds": [waiting, live]})
    daemon.ended(sleeper, live)


def test_create_get_update_and_delete_of_a_full_job(daemon: Daemon) -> None:
    assert held(daemon, "CreateJob", Name="full", **FULL_JOB) == {"Name": "full"}
    got = held(daemon, "GetJob", JobName="full")["Job"]
    assert {name: got[name] for name in FULL_JOB if name != "Tags"} == {
        name: value for name, value in FULL_JOB.items() if name != "Tags"
    }
    assert held(daemon, "UpdateJob", JobName="full", JobUpdate={"Role": "r", "Command": COMMAND}) == {"JobName": "full"}
    assert held(daemon, "DeleteJob", JobName="full") == {"JobName": "full"}


@pytest.mark.parametrize("size", [1, 1000])
def test_listings_of_jobs(daemon: Daemon, job: str, size: int) -> None:
    held(daemon, "CreateJob", Name="beside", Role="r", Command=COMMAND)
    held(daemon, "GetJobs", MaxResults=size)
    held(daemon, "ListJobs", MaxResults=size)
    held(daemon, "BatchGetJobs", JobNames=[job, "none"])
    held(daemon, "BatchGetJobs", JobNames=[job])
    held(daemon, "ListJobs", Tags={"none": "none"})


@pytest.mark.parametrize("number", range(5), ids=["running", "waiting", "stopped", "failed", "retried"])
def test_runs_in_every_state(daemon: Daemon, ends: list[tuple[str, str]], number: int) -> None:
    job, run_id = ends[number]
    held(daemon, "GetJobRun", JobName=job, RunId=run_id)
    held(daemon, "GetJobRun", JobName=job, RunId=run_id, PredecessorsIncluded=True)


@pytest.mark.parametrize("size", [1, 200])
def test_listings_of_runs(daemon: Daemon, ends: list[tuple[str, str]], size: int) -> None:
    for job in {job for job, _ in ends}:
        held(daemon, "GetJobRuns", JobName=job, MaxResults=size)


def test_starts_and_stops(daemon: Daemon) -> None:
    job = daemon.job("started", "import time\ntime.sleep(600)\n")
    started = held(daemon, "StartJobRun", JobName=job)["JobRunId"]
    held(daemon, "BatchStopJobRun", JobName=job, JobRunIds=[started])
    held(daemon, "BatchStopJobRun", JobName=job, JobRunIds=[NOBODY])
    daemon.ended(job, started)


def test_bookmarks(daemon: Daemon, job: str, run_id: str) -> None:
    held(daemon, "GetJobBookmark", JobName=job)
    held(daemon, "GetJobBookmark", JobName=job, RunId=run_id)
    held(daemon, "ResetJobBookmark", JobName=job)
    held(daemon, "ResetJobBookmark", JobName=job, RunId=run_id)


@pytest.fixture(scope="module")
def triggers(daemon: Daemon, job: str) -> list[str]:
    """Return a trigger of each type, with every member that it can have, and one with as few as possible."""
    daemon.job("starts", "print(1)\n")
    daemon.call("CreateWorkflow", {"Name": "flow", "DefaultRunProperties": {"a": "b"}, "MaxConcurrentRuns": 9})
    for kind, members in FULL_TRIGGERS.items():
        common = {"Name": f"full {kind}", "Type": kind, "Description": "d", "Actions": [ACTION], "Tags": {"a": "b"}}
        held(daemon, "CreateTrigger", **common, **members)
    held(daemon, "CreateTrigger", Name="least", Type="ON_DEMAND", Actions=[{"JobName": job}])
    return [*(f"full {kind}" for kind in FULL_TRIGGERS), "least"]


@pytest.fixture(scope="module")
def workflow_runs(daemon: Daemon, triggers: list[str]) -> dict[str, str]:
    """Return runs of the workflow `flow`: one that has ended, one that resumes it, and one that was stopped."""
    ended = held(daemon, "StartWorkflowRun", Name="flow", RunProperties={"c": "d"})["RunId"]
    graph = ended_workflow_run(daemon, ended)["Graph"]
    (node,) = (node["UniqueId"] for node in graph["Nodes"] if node["Type"] == "JOB")
    resumed = held(daemon, "ResumeWorkflowRun", Name="flow", RunId=ended, NodeIds=[node])["RunId"]
    ended_workflow_run(daemon, resumed)
    stopped = held(daemon, "StartWorkflowRun", Name="flow")["RunId"]
    held(daemon, "StopWorkflowRun", Name="flow", RunId=stopped)
    return {"ended": ended, "resumed": resumed, "stopped": stopped}


def ended_workflow_run(daemon: Daemon, run_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        run = held(daemon, "GetWorkflowRun", Name="flow", RunId=run_id, IncludeGraph=True)["Run"]
        return run if "CompletedOn" in run else None

    return until(look, what=f"the end of {run_id}") or {}


@pytest.mark.parametrize("kind", [*FULL_TRIGGERS])
def test_triggers_of_every_type(daemon: Daemon, triggers: list[str], kind: str) -> None:
    name, given = f"full {kind}", FULL_TRIGGERS[kind]
    got = held(daemon, "GetTrigger", Name=name)["Trigger"]
    assert set(got) == {"Name", "Type", "State", "Description", "Actions", *given}
    update = {member: given[member] for member in given if member != "WorkflowName"}
    updated = held(daemon, "UpdateTrigger", Name=name, TriggerUpdate={"Actions": [ACTION], **update})["Trigger"]
    assert set(updated) == {"Name", "Type", "State", "Actions", *given}
    held(daemon, "CreateTrigger", Name="to delete", Type="ON_DEMAND", Actions=[ACTION])
    held(daemon, "DeleteTrigger", Name="to delete")


def test_triggers_that_start_and_stop(daemon: Daemon, triggers: list[str], job: str) -> None:
    held(daemon, "StartTrigger", Name="full SCHEDULED")
    held(daemon, "GetTrigger", Name="full SCHEDULED")
    held(daemon, "StopTrigger", Name="full SCHEDULED")
    held(daemon, "StartTrigger", Name="full CONDITIONAL")
    held(daemon, "StartTrigger", Name="least")
    started = until(lambda: daemon.call("GetJobRuns", {"JobName": "starts"})["JobRuns"], what="a run by a trigger")
    held(daemon, "GetJobRun", JobName="starts", RunId=started[0]["Id"], PredecessorsIncluded=True)
    held(daemon, "GetJobRuns", JobName=job)


@pytest.mark.parametrize("size", [1, 200])
def test_listings_of_triggers(daemon: Daemon, triggers: list[str], size: int) -> None:
    held(daemon, "GetTriggers", MaxResults=size)
    held(daemon, "GetTriggers", MaxResults=size, DependentJobName="none")
    held(daemon, "ListTriggers", MaxResults=size)
    held(daemon, "ListTriggers", Tags={"none": "none"})
    held(daemon, "BatchGetTriggers", TriggerNames=[*triggers, "none"])


@pytest.mark.parametrize("with_graph", [False, True])
def test_workflows_and_their_runs(daemon: Daemon, workflow_runs: dict[str, str], *, with_graph: bool) -> None:
    for run_id in workflow_runs.values():
        held(daemon, "GetWorkflowRun", Name="flow", RunId=run_id, IncludeGraph=with_graph)
        held(daemon, "GetWorkflowRunProperties", Name="flow", RunId=run_id)
    held(daemon, "PutWorkflowRunProperties", Name="flow", RunId=run_id, RunProperties={"e": "f"})
    for size in (1, 1000):
        held(daemon, "GetWorkflowRuns", Name="flow", MaxResults=size, IncludeGraph=with_graph)
    held(daemon, "GetWorkflow", Name="flow", IncludeGraph=with_graph)
    held(daemon, "BatchGetWorkflows", Names=["flow", "none"], IncludeGraph=with_graph)


def test_workflows_that_come_and_go(daemon: Daemon, workflow_runs: dict[str, str]) -> None:
    held(daemon, "CreateWorkflow", Name="least", Tags={"a": "b"})
    held(daemon, "UpdateWorkflow", Name="least", Description="d")
    held(daemon, "GetWorkflow", Name="least", IncludeGraph=True)
    held(daemon, "GetWorkflowRuns", Name="least")
    for size in (1, 25):
        held(daemon, "ListWorkflows", MaxResults=size)
    held(daemon, "DeleteWorkflow", Name="least")


@pytest.mark.parametrize("resource", ["job/commits", "trigger/least", "workflow/flow"])
def test_tags(daemon: Daemon, triggers: list[str], resource: str) -> None:
    arn = f"arn:aws:glue:us-east-1:123456789012:{resource}"
    held(daemon, "TagResource", ResourceArn=arn, TagsToAdd={"k": "v", "empty": ""})
    held(daemon, "GetTags", ResourceArn=arn)
    held(daemon, "UntagResource", ResourceArn=arn, TagsToRemove=["k", "empty"])
    held(daemon, "GetTags", ResourceArn=arn)


def test_no_action_is_left_out() -> None:
    """Hold that this module asks for an answer of every action, and for an error of each that can have one."""
    text = Path(__file__).read_text(encoding="utf-8")
    assert [action for action in REQUESTS if f'held(daemon, "{action}"' not in text] == []
    assert [action for action in REQUESTS if f'("{action}", {{' not in text] == []


@pytest.mark.parametrize(
    ("action", "members"),
    [
        ("GetJob", {"JobName": "none"}),
        ("StartJobRun", {"JobName": "none"}),
        ("StartJobRun", {"JobName": 5}),
        ("StartJobRun", {}),
        ("GetJobRun", {"JobName": "none", "RunId": "none"}),
        ("GetJobRuns", {"JobName": "none"}),
        ("GetJobs", {"NextToken": "none"}),
        ("ListJobs", {"MaxResults": 5000}),
        ("BatchGetJobs", {}),
        ("BatchStopJobRun", {"JobName": "none", "JobRunIds": []}),
        ("GetJobBookmark", {"JobName": "none"}),
        ("ResetJobBookmark", {"JobName": "none"}),
        ("CreateJob", {"Name": "none"}),
        ("UpdateJob", {"JobName": "none", "JobUpdate": {}}),
        ("DeleteJob", {}),
        ("BatchGetTriggers", {}),
        ("BatchGetWorkflows", {"Names": []}),
        ("CreateTrigger", {"Name": "none", "Type": "ON_DEMAND", "Actions": [{"JobName": "none"}]}),
        ("CreateTrigger", {"Name": "none", "Type": "ON_DEMAND", "Actions": []}),
        (
            "CreateTrigger",
            {"Name": "least", "Type": "ON_DEMAND", "Actions": [{"JobName": "commits"}, {"JobName": "commits"}]},
        ),
        ("CreateWorkflow", {"Name": "flow"}),
        ("CreateWorkflow", {"Name": "none", "MaxConcurrentRuns": 0}),
        ("DeleteTrigger", {}),
        ("DeleteWorkflow", {}),
        ("GetTags", {"ResourceArn": "arn:aws:glue:us-east-1:1:job/none"}),
        ("GetTrigger", {"Name": "none"}),
        ("GetTriggers", {"NextToken": "none"}),
        ("GetWorkflow", {"Name": "none"}),
        ("GetWorkflowRun", {"Name": "none", "RunId": "none"}),
        ("GetWorkflowRunProperties", {"Name": "none", "RunId": "none"}),
        ("GetWorkflowRuns", {"Name": "none"}),
        ("ListTriggers", {"MaxResults": 201}),
        ("ListWorkflows", {"MaxResults": 26}),
        ("PutWorkflowRunProperties", {"Name": "none", "RunId": "none", "RunProperties": {}}),
        ("ResumeWorkflowRun", {"Name": "none", "RunId": "none", "NodeIds": []}),
        ("StartTrigger", {"Name": "full EVENT"}),
        ("StartWorkflowRun", {"Name": "none"}),
        ("StopTrigger", {"Name": "least"}),
        ("StopWorkflowRun", {"Name": "none", "RunId": "none"}),
        ("TagResource", {"ResourceArn": "arn:aws:glue:us-east-1:1:job/commits", "TagsToAdd": {"aws:a": "b"}}),
        ("UntagResource", {"ResourceArn": "arn:aws:glue:us-east-1:1:nothing", "TagsToRemove": ["a"]}),
        ("UpdateTrigger", {"Name": "none", "TriggerUpdate": {}}),
        ("UpdateWorkflow", {"Name": "none"}),
    ],
)
def test_errors(daemon: Daemon, triggers: list[str], action: str, members: dict[str, Any]) -> None:
    answer = answered(daemon, action, json_of(members))
    assert answer.status == http.HTTPStatus.BAD_REQUEST
    assert set(answer.members) == {"__type", "Message"}
    shape = operation(action).output_shape
    response = {"status_code": 400, "headers": answer.headers, "body": answer.body}
    error = create_parser("json").parse(response, shape)["Error"]
    assert error == {"Code": answer.members["__type"], "Message": answer.members["Message"]}
    declared = {shape.name for shape in operation(action).error_shapes}
    assert error["Code"] in declared | {"SerializationException", "InvalidInputException", "EntityNotFoundException"}

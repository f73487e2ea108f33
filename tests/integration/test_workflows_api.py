"""A workflow is given back as it was made, and a run of it shows what happened: graph, statistics, properties."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

ENVIRONMENT: Final = {
    "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30",
    "ORCHESTRATOR_RETRIES__FIRST_DELAY_S": "600",
    "ORCHESTRATOR_RETRIES__LONGEST_DELAY_S": "600",
}
COUNTS: Final = ("Total", "Timeout", "Failed", "Stopped", "Succeeded", "Running", "Errored", "Waiting")


def counted(**counts: int) -> dict[str, int]:
    return {f"{name}Actions": counts.get(name, 0) for name in COUNTS}


def condition(job: str, state: str = "SUCCEEDED") -> dict[str, str]:
    return {"LogicalOperator": "EQUALS", "JobName": job, "State": state}


def create(daemon: Daemon, name: str, **members: Any) -> None:
    assert daemon.call("CreateWorkflow", {"Name": name, **members}) == {"Name": name}


def trigger(daemon: Daemon, workflow: str, name: str, started: str, watched: str | None = None) -> dict[str, Any]:
    """Make a trigger of a workflow: one that begins it, or one that follows a job. Return it as GetTrigger shows it."""
    members: dict[str, Any] = {"Name": name, "WorkflowName": workflow, "Actions": [{"JobName": started}]}
    members["Type"] = "ON_DEMAND" if watched is None else "CONDITIONAL"
    if watched is not None:
        members |= {"Predicate": {"Conditions": [condition(watched)]}, "StartOnCreation": True}
    assert daemon.call("CreateTrigger", members) == {"Name": name}
    made = daemon.call("GetTrigger", {"Name": name})["Trigger"]
    assert made["WorkflowName"] == workflow
    return dict(made)


def chain(daemon: Daemon, name: str, first: str = "print(1)\n", second: str = "print(2)\n") -> str:
    """Make a workflow of two jobs, the second after the first; return its name."""
    create(daemon, name)
    trigger(daemon, name, f"{name}_begin", daemon.job(f"{name}_1", first))
    trigger(daemon, name, f"{name}_then", daemon.job(f"{name}_2", second), f"{name}_1")
    return name


def start(daemon: Daemon, name: str, headers: dict[str, str] | None = None, **members: Any) -> str:
    answer = daemon.call("StartWorkflowRun", {"Name": name, **members}, headers)
    assert set(answer) == {"RunId"}, answer
    return str(answer["RunId"])


def seen(daemon: Daemon, name: str, run_id: str, **members: Any) -> dict[str, Any]:
    answer = daemon.call("GetWorkflowRun", {"Name": name, "RunId": run_id, **members})
    assert set(answer) == {"Run"}, answer
    return dict(answer["Run"])


def ended(daemon: Daemon, name: str, run_id: str) -> dict[str, Any]:
    """Wait until a workflow run has ended; return it with its graph."""

    def look() -> dict[str, Any] | None:
        run = seen(daemon, name, run_id, IncludeGraph=True)
        return run if "CompletedOn" in run else None

    return until(look, what=f"the end of {run_id}") or {}


def nodes_of(graph: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {f"{node['Type']} {node['Name']}": node for node in graph["Nodes"]}


def edges_of(graph: dict[str, Any]) -> set[tuple[str, str]]:
    names = {node["UniqueId"]: node["Name"] for node in graph["Nodes"]}
    return {(names[edge["SourceId"]], names[edge["DestinationId"]]) for edge in graph["Edges"]}


def job_runs_at(run: dict[str, Any], job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = nodes_of(run["Graph"])[f"JOB {job}"]["JobDetails"]["JobRuns"]
    return found


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """Lend a file that `gated` scripts wait for; it exists at the latest when the test ends."""
    path = tmp_path / "gate"
    yield path
    path.touch()


def gated(gate: Path) -> str:
    return f"import os, time\nwhile not os.path.exists({str(gate)!r}):\n    time.sleep(0.01)\n"


def test_a_workflow_is_given_back_as_it_was_made(daemon: Daemon) -> None:
    members = {"Description": "d\ne", "DefaultRunProperties": {"a": "1", "b": ""}, "MaxConcurrentRuns": 2}
    create(daemon, "plain", **members, Tags={"x": "y"})
    workflow = daemon.call("GetWorkflow", {"Name": "plain"})["Workflow"]
    created, modified = workflow.pop("CreatedOn"), workflow.pop("LastModifiedOn")
    assert created == modified
    assert workflow == {"Name": "plain", **members}
    answer = daemon.call("GetWorkflow", {"Name": "plain", "IncludeGraph": True})
    assert answer["Workflow"]["Graph"] == {"Nodes": [], "Edges": []}


def test_the_same_workflow_again_is_accepted_and_another_is_not(daemon: Daemon) -> None:
    create(daemon, "again", Description="d")
    create(daemon, "again", Description="d", DefaultRunProperties={})
    error = runs.refused(daemon, "CreateWorkflow", Name="again", Description="e")
    assert error == ("AlreadyExistsException", "Workflow with name: again already exists.")


def test_an_update_replaces_everything(daemon: Daemon) -> None:
    create(daemon, "updated", Description="d", MaxConcurrentRuns=1)
    members = {"Name": "updated", "DefaultRunProperties": {"a": "1"}}
    assert daemon.call("UpdateWorkflow", members) == {"Name": "updated"}
    workflow = daemon.call("GetWorkflow", {"Name": "updated"})["Workflow"]
    assert {key: value for key, value in workflow.items() if not key.endswith("On")} == members


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        ({"MaxConcurrentRuns": 0}, "MaxConcurrentRuns is 0; it must be at least 1."),
        (
            {"DefaultRunProperties": {"k": "é" * 133_120}},
            "Request size limit exceeded: DefaultRunProperties has 266241 bytes in all, 266240 is the limit.",
        ),
    ],
)
def test_what_no_run_could_follow_is_refused(daemon: Daemon, members: dict[str, Any], sentence: str) -> None:
    assert runs.refused(daemon, "CreateWorkflow", Name="refused", **members) == ("InvalidInputException", sentence)
    create(daemon, "to_update")
    assert runs.refused(daemon, "UpdateWorkflow", Name="to_update", **members) == ("InvalidInputException", sentence)
    assert runs.refused(daemon, "GetWorkflow", Name="refused")[0] == "EntityNotFoundException"


@pytest.mark.parametrize("action", ["GetWorkflow", "UpdateWorkflow", "StartWorkflowRun", "GetWorkflowRuns"])
def test_a_workflow_that_does_not_exist_is_told_so(daemon: Daemon, action: str) -> None:
    error = runs.refused(daemon, action, Name="none")
    assert error == ("EntityNotFoundException", "Workflow with name: none not found.")


@pytest.mark.parametrize(
    ("action", "members"),
    [
        ("GetWorkflowRun", {}),
        ("StopWorkflowRun", {}),
        ("ResumeWorkflowRun", {"NodeIds": ["n"]}),
        ("GetWorkflowRunProperties", {}),
        ("PutWorkflowRunProperties", {"RunProperties": {}}),
    ],
)
def test_a_run_that_does_not_exist_is_told_so(daemon: Daemon, action: str, members: dict[str, Any]) -> None:
    create(daemon, "without_runs")
    for run_id in ("none", f"wr_{'0' * 64}"):
        error = runs.refused(daemon, action, Name="without_runs", RunId=run_id, **members)
        sentence = f"Workflow run with id: {run_id} not found for workflow: without_runs."
        assert error == ("EntityNotFoundException", sentence)


def test_the_graph_has_a_node_for_each_trigger_and_job(daemon: Daemon) -> None:
    create(daemon, "graph")
    for job in ("graph_1", "graph_2"):
        daemon.job(job, "print(1)\n")
    begin = trigger(daemon, "graph", "graph_begin", "graph_1")
    then = trigger(daemon, "graph", "graph_then", "graph_2", "graph_1")
    graph = daemon.call("GetWorkflow", {"Name": "graph", "IncludeGraph": True})["Workflow"]["Graph"]
    nodes = nodes_of(graph)
    ids = {node.pop("UniqueId") for node in nodes.values()}
    assert (len(ids), all(one.startswith("wnode_") for one in ids)) == (4, True)
    assert nodes == {
        "TRIGGER graph_begin": {"Type": "TRIGGER", "Name": "graph_begin", "TriggerDetails": {"Trigger": begin}},
        "TRIGGER graph_then": {"Type": "TRIGGER", "Name": "graph_then", "TriggerDetails": {"Trigger": then}},
        "JOB graph_1": {"Type": "JOB", "Name": "graph_1", "JobDetails": {"JobRuns": []}},
        "JOB graph_2": {"Type": "JOB", "Name": "graph_2", "JobDetails": {"JobRuns": []}},
    }


def test_a_run_shows_its_jobs_and_how_they_went(daemon: Daemon) -> None:
    name = chain(daemon, "shown")
    run_id = start(daemon, name, RunProperties={"a": "1"})
    run = ended(daemon, name, run_id)
    assert (run["Name"], run["WorkflowRunId"], run["Status"]) == (name, run_id, "COMPLETED")
    assert run["WorkflowRunProperties"] == {"a": "1"}
    assert run["Statistics"] == counted(Total=2, Succeeded=2)
    assert edges_of(run["Graph"]) == {
        ("shown_begin", "shown_1"),
        ("shown_1", "shown_then"),
        ("shown_then", "shown_2"),
    }
    (first,), (second,) = job_runs_at(run, "shown_1"), job_runs_at(run, "shown_2")
    assert first == daemon.run("shown_1", first["Id"]) | {"PredecessorRuns": []}
    assert (first["TriggerName"], second["TriggerName"]) == ("shown_begin", "shown_then")
    assert second["PredecessorRuns"] == [{"JobName": "shown_1", "RunId": first["Id"]}]
    assert "Graph" not in seen(daemon, name, run_id)
    workflow = daemon.call("GetWorkflow", {"Name": name, "IncludeGraph": True})["Workflow"]
    assert workflow["LastRun"] == run
    ids = {key: node["UniqueId"] for key, node in nodes_of(workflow["Graph"]).items()}
    assert ids == {key: node["UniqueId"] for key, node in nodes_of(run["Graph"]).items()}


def test_statistics_count_each_action_by_its_newest_attempt(daemon: Daemon, gate: Path) -> None:
    create(daemon, "counts")
    scripts = {"succeeds": "pass\n", "fails": "raise ValueError\n", "runs": gated(gate)}
    for job, script in scripts.items():
        trigger(daemon, "counts", f"counts_{job}", daemon.job(f"counts_{job}", script))
    trigger(daemon, "counts", "counts_never", daemon.job("counts_next", "pass\n"), "counts_runs")
    daemon.call("CreateJob", {"Name": "counts_gone", "Role": "r", "Command": {"Name": "pythonshell"}})
    trigger(daemon, "counts", "counts_errs", "counts_gone")
    daemon.call("DeleteJob", {"JobName": "counts_gone"})
    run_id = start(daemon, "counts")
    expected = counted(Total=5, Succeeded=1, Failed=1, Running=1, Errored=1)
    until(lambda: seen(daemon, "counts", run_id)["Statistics"] == expected, what="the statistics")
    run = seen(daemon, "counts", run_id, IncludeGraph=True)
    assert run["Status"] == "RUNNING"
    (failed,) = job_runs_at(run, "counts_fails")
    retried = runs.finish(daemon, "counts_fails", JobRunId=failed["Id"])["Id"]
    run = seen(daemon, "counts", run_id, IncludeGraph=True)
    assert run["Statistics"] == expected
    assert [one["Id"] for one in job_runs_at(run, "counts_fails")] == [failed["Id"], retried]
    gate.touch()
    assert ended(daemon, "counts", run_id)["Statistics"] == counted(Total=5, Succeeded=3, Failed=1, Errored=1)


def test_an_action_whose_retry_is_to_come_counts_as_running(daemon: Daemon) -> None:
    create(daemon, "retrying")
    trigger(daemon, "retrying", "retrying_begin", daemon.job("retrying_1", "raise ValueError\n", MaxRetries=1))
    run_id = start(daemon, "retrying")
    (job_run,) = daemon.call("GetJobRuns", {"JobName": "retrying_1"})["JobRuns"]
    assert daemon.ended("retrying_1", job_run["Id"])["JobRunState"] == "FAILED"
    run = seen(daemon, "retrying", run_id)
    assert (run["Status"], run["Statistics"]) == ("RUNNING", counted(Total=1, Running=1))
    daemon.call("StopWorkflowRun", {"Name": "retrying", "RunId": run_id})
    assert ended(daemon, "retrying", run_id)["Statistics"] == counted(Total=1, Failed=1)


def test_a_call_that_is_sent_again_starts_one_run(daemon: Daemon) -> None:
    name = chain(daemon, "once")
    invocation = {"amz-sdk-invocation-id": str(uuid.uuid4())}
    first = start(daemon, name, invocation)
    assert start(daemon, name, invocation) == first
    other = daemon.call("StartWorkflowRun", {"Name": name, "RunProperties": {"a": "1"}}, invocation)
    sentence = "The header amz-sdk-invocation-id was used before with another request."
    assert runs.refusal(other) == ("InvalidInputException", sentence)
    ended(daemon, name, first)
    assert len(daemon.call("GetWorkflowRuns", {"Name": name})["Runs"]) == 1


def test_a_run_is_refused_at_the_limit_and_where_nothing_starts(daemon: Daemon, gate: Path) -> None:
    create(daemon, "limited", MaxConcurrentRuns=1)
    error = runs.refused(daemon, "StartWorkflowRun", Name="limited")
    assert error == ("InvalidInputException", "Workflow limited has no trigger that starts it.")
    trigger(daemon, "limited", "limited_begin", daemon.job("limited_1", gated(gate)))
    run_id = start(daemon, "limited")
    error = runs.refused(daemon, "StartWorkflowRun", Name="limited")
    assert error == ("ConcurrentRunsExceededException", "Concurrent runs exceeded for limited")
    gate.touch()
    ended(daemon, "limited", run_id)


def test_a_stopped_run_ends_its_jobs_and_starts_no_more(daemon: Daemon, gate: Path) -> None:
    name = chain(daemon, "stopped", gated(gate))
    run_id = start(daemon, name)
    (job_run,) = daemon.call("GetJobRuns", {"JobName": "stopped_1"})["JobRuns"]
    runs.in_state(daemon, "stopped_1", job_run["Id"], "RUNNING")
    assert daemon.call("StopWorkflowRun", {"Name": name, "RunId": run_id}) == {}
    run = ended(daemon, name, run_id)
    assert (run["Status"], run["Statistics"]) == ("STOPPED", counted(Total=2, Stopped=1))
    assert daemon.call("StopWorkflowRun", {"Name": name, "RunId": run_id}) == {}


def test_a_complete_run_cannot_be_stopped(daemon: Daemon) -> None:
    name = chain(daemon, "complete")
    run_id = start(daemon, name)
    assert ended(daemon, name, run_id)["Status"] == "COMPLETED"
    error = runs.refused(daemon, "StopWorkflowRun", Name=name, RunId=run_id)
    sentence = f"Workflow run {run_id} is COMPLETED; only a run that has not ended can be stopped."
    assert error == ("IllegalWorkflowStateException", sentence)


def test_a_resumed_run_repeats_what_failed_and_takes_over_the_rest(daemon: Daemon, gate: Path) -> None:
    fails_once = f"import os\nassert os.path.exists({str(gate)!r})\n"
    name = chain(daemon, "resumed", second=fails_once)
    before = ended(daemon, name, start(daemon, name))
    assert before["Statistics"] == counted(Total=2, Succeeded=1, Failed=1)
    gate.touch()
    node = nodes_of(before["Graph"])["JOB resumed_2"]["UniqueId"]
    asked = {"Name": name, "RunId": before["WorkflowRunId"], "NodeIds": [node]}
    invocation = {"amz-sdk-invocation-id": str(uuid.uuid4())}
    answer = daemon.call("ResumeWorkflowRun", asked, invocation)
    assert daemon.call("ResumeWorkflowRun", asked, invocation) == answer
    assert answer["NodeIds"] == [node]
    after = ended(daemon, name, answer["RunId"])
    assert after["PreviousRunId"] == before["WorkflowRunId"]
    assert after["Statistics"] == counted(Total=2, Succeeded=2)
    assert job_runs_at(after, "resumed_1") == job_runs_at(before, "resumed_1")
    assert len(job_runs_at(after, "resumed_2")) == 1


def test_properties_are_merged(daemon: Daemon) -> None:
    create(daemon, "properties", DefaultRunProperties={"a": "1", "b": "2"})
    trigger(daemon, "properties", "properties_begin", daemon.job("properties_1", "pass\n"))
    run_id = start(daemon, "properties", RunProperties={"b": "3"})
    run = {"Name": "properties", "RunId": run_id}
    assert daemon.call("GetWorkflowRunProperties", run) == {"RunProperties": {"a": "1", "b": "3"}}
    assert daemon.call("PutWorkflowRunProperties", {**run, "RunProperties": {"a": "漢", "c": ""}}) == {}
    merged = {"a": "漢", "b": "3", "c": ""}
    assert daemon.call("GetWorkflowRunProperties", run) == {"RunProperties": merged}
    error = runs.refused(daemon, "PutWorkflowRunProperties", **run, RunProperties={"k": "x" * 266_240})
    sentence = "Request size limit exceeded: RunProperties has 266248 bytes in all, 266240 is the limit."
    assert error == ("InvalidInputException", sentence)
    error = runs.refused(daemon, "StartWorkflowRun", Name="properties", RunProperties={"k": "x" * 266_240})
    assert error == ("InvalidInputException", sentence.replace("266248", "266241"))
    ended(daemon, "properties", run_id)
    assert daemon.call("GetWorkflowRunProperties", run) == {"RunProperties": merged}


def test_deleting_a_workflow_takes_its_triggers_and_leaves_its_runs(daemon: Daemon) -> None:
    name = chain(daemon, "deleted")
    run = ended(daemon, name, start(daemon, name))
    for _ in range(2):
        assert daemon.call("DeleteWorkflow", {"Name": name}) == {"Name": name}
    for action, named in (("GetWorkflow", name), ("GetTrigger", "deleted_begin"), ("GetTrigger", "deleted_then")):
        assert runs.refused(daemon, action, Name=named)[0] == "EntityNotFoundException"
    assert seen(daemon, name, run["WorkflowRunId"], IncludeGraph=True) == run
    answer = daemon.call("GetWorkflowRuns", {"Name": name, "IncludeGraph": True})
    assert answer == {"Runs": [run]}
    assert daemon.call("GetJob", {"JobName": "deleted_1"})["Job"]["Name"] == "deleted_1"


def test_runs_come_newest_first_and_in_pages(daemon: Daemon) -> None:
    name = chain(daemon, "paged")
    started = [start(daemon, name) for _ in range(5)]
    for run_id in started:
        ended(daemon, name, run_id)
    first = daemon.call("GetWorkflowRuns", {"Name": name, "MaxResults": 2})
    newer = start(daemon, name)
    found = [run["WorkflowRunId"] for run in first["Runs"]]
    token = first["NextToken"]
    while token:
        page = daemon.call("GetWorkflowRuns", {"Name": name, "MaxResults": 2, "NextToken": token})
        found += [run["WorkflowRunId"] for run in page["Runs"]]
        token = page.get("NextToken")
    assert found == started[::-1]
    ended(daemon, name, newer)


def test_workflows_are_listed_in_pages(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running_daemon(tmp_path_factory.mktemp("listings")) as daemon:
        names = [f"w{number:02}" for number in range(30)]
        for name in names:
            create(daemon, name)
        glue = daemon.client()
        first = glue.list_workflows()
        assert first["Workflows"] == names[:25]
        assert glue.list_workflows(NextToken=first["NextToken"])["Workflows"] == names[25:]
        pages = glue.get_paginator("list_workflows").paginate(PaginationConfig={"PageSize": 7})
        assert [name for page in pages for name in page["Workflows"]] == names
        found = glue.batch_get_workflows(Names=["w02", "none", "w01", "w02"], IncludeGraph=True)
        assert [workflow["Name"] for workflow in found["Workflows"]] == ["w02", "w01"]
        assert found["MissingWorkflows"] == ["none"]

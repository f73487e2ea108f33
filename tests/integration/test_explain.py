"""GET /triggers, /runs/{id}/explain and /workflows tell, of a real daemon, why a run is as it is."""

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

import pytest

from tests.support import runs
from tests.support.daemon import Daemon
from tests.support.waiting import until

ENVIRONMENT: Final = {"ORCHESTRATOR_CAPACITY__DPUS": "1", "ORCHESTRATOR_RETRIES__FIRST_DELAY_S": "300"}
SMALL: Final[dict[str, Any]] = {"MaxCapacity": 1.0}


def told(daemon: Daemon, *path: str, query: str = "") -> dict[str, Any]:
    status, body, _ = daemon.get("/" + "/".join(quote(part, safe="") for part in path) + query)
    assert status == http.client.OK, body
    answer: dict[str, Any] = json.loads(body)
    return answer


def told_workflow(daemon: Daemon, name: str, **query: str) -> dict[str, Any]:
    return told(daemon, "workflow", query="?" + urlencode({"name": name, **query}))


def explained(daemon: Daemon, run_id: str) -> dict[str, Any]:
    return told(daemon, "runs", run_id, "explain")


def trigger(daemon: Daemon, name: str, *jobs: str, **members: Any) -> str:
    actions = [{"JobName": job} for job in jobs]
    answer = daemon.call("CreateTrigger", {"Name": name, "Type": "ON_DEMAND", "Actions": actions, **members})
    assert answer == {"Name": name}, answer
    return name


def conditional(daemon: Daemon, name: str, watched: dict[str, str], *jobs: str, **members: Any) -> str:
    conditions = [{"LogicalOperator": "EQUALS", "JobName": job, "State": state} for job, state in watched.items()]
    predicate = {"Logical": members.pop("Logical", "AND"), "Conditions": conditions}
    return trigger(daemon, name, *jobs, Type="CONDITIONAL", Predicate=predicate, StartOnCreation=True, **members)


def the_run(daemon: Daemon, job: str) -> dict[str, Any]:
    """Wait until there is a run of a job, and return it as people see it."""
    found = until(lambda: told(daemon, "runs", query=f"?job={job}")["runs"], what=f"a run of {job}")
    run: dict[str, Any] = (found or [])[0]
    return run


def outline(chain: dict[str, Any]) -> list[str]:
    """Return the tree of a chain as one text per line."""
    return [
        "  " * line["depth"]
        + (line["trigger_name"] if line["kind"] == "firing" else f"{line['job_name']} {line['state']}")
        for line in chain["lines"]
    ]


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """Lend the path of a gate that is open at the end, so that whatever waits for it ends."""
    path = tmp_path / "gate"
    yield path
    path.touch()


def test_a_queued_run_is_explained_by_its_place_and_by_who_holds_what_it_waits_for(daemon: Daemon, gate: Path) -> None:
    job, arguments = daemon.job("queues", runs.WAIT_FOR_GATE, **SMALL), {"--gate": str(gate)}
    with runs.gated_run(daemon, job, gate, JobRunQueuingEnabled=True) as first:
        second, third = (runs.start(daemon, job, Arguments=arguments, JobRunQueuingEnabled=True) for _ in range(2))
        seen = until(lambda: (now := explained(daemon, third))["wait"] and now, what="its place in the queue") or {}
        wait = seen["wait"]
        assert (wait["place"], wait["queued"], wait["is_behind_its_job"]) == (2, 2, True)
        assert "1 concurrent runs" in wait["reason"]
        assert [run["id"] for run in wait["first_ahead_of_job"]] == [second]
        assert wait["ahead_of_job"] == 1
        (holder,) = seen["slots"]["held"]
        assert (holder["id"], holder["job_name"], holder["dpu"], holder["state"]) == (first, job, 1.0, "RUNNING")
        assert holder["since_ms"] == runs.details(daemon, first)["run"]["launched_on_ms"]
        assert (seen["slots"]["in_use_dpu"], seen["slots"]["dpus"]) == (1.0, 1.0)
        assert seen["run"]["state_detail"] == wait["reason"]
        assert (seen["trigger"], seen["chain"], seen["retry"], seen["workflow_run"]) == (None, None, None, None)
        gate.touch()
        for run_id in (second, third):
            daemon.ended(job, run_id)
    assert explained(daemon, third)["wait"] is None
    assert explained(daemon, third)["slots"]["held"] == []


def test_a_run_that_waits_for_slots_is_not_behind_its_job(daemon: Daemon, gate: Path) -> None:
    one, other = daemon.job("one", runs.WAIT_FOR_GATE, **SMALL), daemon.job("other", "print(1)\n", **SMALL)
    with runs.gated_run(daemon, one, gate) as holding:
        waiting = runs.start(daemon, other)
        seen = until(lambda: (now := explained(daemon, waiting))["wait"] and now, what="its place in the queue") or {}
        assert (seen["wait"]["is_behind_its_job"], seen["wait"]["ahead_of_job"]) == (False, 0)
        assert [run["id"] for run in seen["slots"]["held"]] == [holding]
    daemon.ended(other, waiting)


def test_a_run_of_a_trigger_is_explained_by_what_the_trigger_saw_and_its_chain(daemon: Daemon) -> None:
    raw, spare = daemon.job("raw", "print(1)\n", **SMALL), daemon.job("spare", "print(1)\n", **SMALL)
    table, report = daemon.job("table", "print(1)\n", **SMALL), daemon.job("report", "print(1)\n", **SMALL)
    root = trigger(daemon, "root", raw)
    conditional(daemon, "then", {raw: "SUCCEEDED", spare: "FAILED"}, table, Logical="ANY")
    conditional(daemon, "last", {table: "SUCCEEDED"}, report)
    daemon.call("StartTrigger", {"Name": root})
    ended = daemon.ended(report, the_run(daemon, report)["id"])
    first, middle = the_run(daemon, raw), the_run(daemon, table)

    seen = explained(daemon, middle["id"])

    cause = seen["trigger"]
    assert (cause["name"], cause["type"], cause["logical"]) == ("then", "CONDITIONAL", "ANY")
    assert cause["firing"] == {"at_ms": middle["started_on_ms"], "tick_ms": None}
    assert cause["conditions"] == [
        {"job_name": raw, "wanted": "SUCCEEDED", "run_id": first["id"], "state": "SUCCEEDED"},
        {"job_name": spare, "wanted": "FAILED", "run_id": None, "state": None},
    ]
    assert cause["predecessors"] == [{"job_name": raw, "run_id": first["id"], "state": "SUCCEEDED"}]
    assert outline(seen["chain"]) == [
        "root",
        "  raw SUCCEEDED",
        "    then",
        "      table SUCCEEDED",
        "        last",
        "          report SUCCEEDED",
    ]
    assert seen["chain"]["key"] == middle["chain_key"]
    assert explained(daemon, ended["Id"])["chain"] == seen["chain"]
    assert [step["to_state"] for step in seen["history"]][-1] == "SUCCEEDED"
    daemon.call("DeleteTrigger", {"Name": "then"})
    gone = explained(daemon, middle["id"])["trigger"]
    assert (gone["name"], gone["type"], gone["conditions"]) == ("then", None, [])
    assert gone["predecessors"] == cause["predecessors"]


def test_what_a_trigger_saw_is_not_told_by_what_it_has_become_since(daemon: Daemon) -> None:
    before, other, after = (daemon.job(name, "print(1)\n", **SMALL) for name in ("before", "another", "after"))
    root = trigger(daemon, "starts", before)
    changing = conditional(daemon, "changing", {before: "SUCCEEDED"}, after)
    daemon.call("StartTrigger", {"Name": root})
    first = the_run(daemon, after)
    daemon.ended(after, first["id"])
    cause = explained(daemon, first["id"])["trigger"]
    assert (cause["is_changed"], [one["job_name"] for one in cause["conditions"]]) == (False, [before])

    daemon.call("StopTrigger", {"Name": changing})
    assert explained(daemon, first["id"])["trigger"] == cause

    conditions = [{"LogicalOperator": "EQUALS", "JobName": other, "State": "FAILED"}]
    update = {"Predicate": {"Logical": "AND", "Conditions": conditions}, "Actions": [{"JobName": after}]}
    daemon.call("UpdateTrigger", {"Name": changing, "TriggerUpdate": update})
    changed = explained(daemon, first["id"])["trigger"]
    assert (changed["is_changed"], changed["type"], changed["conditions"]) == (True, None, [])
    assert changed["predecessors"] == cause["predecessors"]


def test_a_retry_by_hand_names_the_trigger_of_the_first_attempt(daemon: Daemon) -> None:
    job = daemon.job("by_trigger", "print(1)\n", **SMALL)
    daemon.call("StartTrigger", {"Name": trigger(daemon, "first_of_all", job)})
    first = the_run(daemon, job)
    daemon.ended(job, first["id"])

    again = runs.finish(daemon, job, JobRunId=first["id"])["Id"]

    seen = explained(daemon, again)
    assert (seen["run"]["previous_run_id"], seen["run"]["trigger_name"]) == (first["id"], None)
    assert seen["trigger"] == explained(daemon, first["id"])["trigger"]
    assert seen["trigger"]["firing"]["at_ms"] == first["started_on_ms"]


def test_a_run_behind_another_in_the_queue_names_that_one(daemon: Daemon, gate: Path) -> None:
    names = ("holds", "heads", "behind")
    jobs = [daemon.job(name, runs.WAIT_FOR_GATE, DefaultArguments={"--gate": str(gate)}, **SMALL) for name in names]
    with runs.gated_run(daemon, jobs[0], gate):
        head, behind = runs.start(daemon, jobs[1]), runs.start(daemon, jobs[2])
        wait = until(lambda: explained(daemon, behind)["wait"], what="its place in the queue") or {}
        assert "behind place 1" in wait["reason"]
        told_head = {"id": head, "job_name": jobs[1], "state": wait["head"]["state"], "place": 1, "dpu": 1.0}
        assert wait["head"] == told_head
        assert explained(daemon, head)["wait"]["head"] is None
    daemon.ended(jobs[1], head)
    daemon.ended(jobs[2], behind)


@pytest.mark.parametrize("name", ["a/runs/b", "a/runs", "runs/", "a?name=b&run=c"])
def test_no_name_of_a_workflow_is_taken_for_something_else(daemon: Daemon, name: str) -> None:
    job = daemon.job(f"slashes {len(name)}", "print(1)\n", **SMALL)
    daemon.call("CreateWorkflow", {"Name": name})
    listed = {one["name"]: one for one in told(daemon, "workflows")["workflows"]}
    assert (listed[name]["live_runs"], listed[name]["last_run"]) == (0, None)
    trigger(daemon, f"starts {name}", job, WorkflowName=name)
    run_id = daemon.call("StartWorkflowRun", {"Name": name})["RunId"]
    daemon.ended(job, the_run(daemon, quote(job))["id"])

    run = told_workflow(daemon, name, run=run_id)["workflow_run"]

    assert (run["workflow_name"], run["id"]) == (name, run_id)
    assert told_workflow(daemon, name)["workflow"]["name"] == name
    assert told_workflow(daemon, name, prefix="")["runs"] == [run]
    assert told(daemon, "triggers", f"starts {name}")["trigger"]["name"] == f"starts {name}"
    last = {one["name"]: one for one in told(daemon, "workflows")["workflows"]}[name]["last_run"]
    assert last == {key: run[key] for key in ("workflow_name", "id", "status", "started_on_ms", "completed_on_ms")}


def test_a_failed_run_says_when_its_retry_comes_and_its_attempts(daemon: Daemon) -> None:
    job = daemon.job("flaky", "raise SystemExit(3)\n", MaxRetries=2, **SMALL)
    run_id = runs.finish(daemon, job)["Id"]

    seen = explained(daemon, run_id)

    retry = seen["retry"]
    assert (retry["of"], retry["number"], retry["most"]) == (run_id, 1, 2)
    assert retry["due_ms"] == seen["run"]["retry_due_ms"] == seen["run"]["completed_on_ms"] + 300_000
    again = runs.finish(daemon, job, JobRunId=run_id)["Id"]
    attempts = explained(daemon, run_id)["attempts"]
    assert [(run["id"], run["state"], run["previous_run_id"]) for run in attempts] == [
        (run_id, "FAILED", None),
        (again, "FAILED", run_id),
    ]
    assert attempts == explained(daemon, again)["attempts"]


def test_triggers_tell_what_is_next_and_what_was_last(daemon: Daemon) -> None:
    job = daemon.job("seldom", "print(1)\n", **SMALL)
    schedule = "cron(30 4 1 1 ? *)"
    trigger(daemon, "by/hand", job)
    trigger(daemon, "yearly", job, Type="SCHEDULED", Schedule=schedule, StartOnCreation=True)
    trigger(daemon, "asleep", job, Type="SCHEDULED", Schedule=schedule)

    def found() -> dict[str, Any]:
        return {one["name"]: one for one in told(daemon, "triggers")["triggers"]}

    seen = found()
    assert (seen["by/hand"]["last_firing"], seen["by/hand"]["upcoming_ms"]) == (None, [])
    assert seen["asleep"]["upcoming_ms"] == []
    yearly = seen["yearly"]
    assert (yearly["type"], yearly["state"], yearly["schedule"]) == ("SCHEDULED", "ACTIVATED", schedule)
    assert (yearly["starts"], yearly["watches"], yearly["source"]) == ([job], [], None)
    gaps = [later - earlier for earlier, later in zip(yearly["upcoming_ms"], yearly["upcoming_ms"][1:], strict=False)]
    assert all(gap in (365 * 86_400_000, 366 * 86_400_000) for gap in gaps)
    assert len(gaps) == 2
    daemon.call("StartTrigger", {"Name": "by/hand"})
    run = the_run(daemon, job)
    daemon.ended(job, run["id"])
    last = found()["by/hand"]["last_firing"]
    assert (last["at_ms"], last["chain_key"], last["tick_ms"]) == (run["started_on_ms"], run["chain_key"], None)
    assert last["runs"] == [{"id": run["id"], "job_name": job, "state": "SUCCEEDED"}]
    assert told(daemon, "triggers", "by/hand")["trigger"] == found()["by/hand"]


def test_a_workflow_run_is_told_with_its_statistics_and_waited_for(daemon: Daemon, gate: Path) -> None:
    name = "etl/night"
    first = daemon.job("w_first", runs.WAIT_FOR_GATE, DefaultArguments={"--gate": str(gate)}, **SMALL)
    second = daemon.job("w_second", "print(1)\n", **SMALL)
    daemon.call("CreateWorkflow", {"Name": name, "MaxConcurrentRuns": 1, "DefaultRunProperties": {"a": "1"}})
    trigger(daemon, "w_start", first, WorkflowName=name)
    conditional(daemon, "w_then", {first: "SUCCEEDED"}, second, WorkflowName=name)
    run_id = daemon.call("StartWorkflowRun", {"Name": name, "RunProperties": {"b": "2"}})["RunId"]

    workflow = told_workflow(daemon, name)
    assert (workflow["workflow"]["name"], workflow["workflow"]["max_concurrent_runs"]) == (name, 1)
    assert [one["name"] for one in workflow["triggers"]] == ["w_start", "w_then"]
    assert [(run["id"], run["status"]) for run in workflow["runs"]] == [(run_id, "RUNNING")]
    for prefix in (run_id[:9], ""):
        assert [run["id"] for run in told_workflow(daemon, name, prefix=prefix)["runs"]] == [run_id]
    assert told_workflow(daemon, "other", prefix=run_id[:9])["runs"] == []
    assert told_workflow(daemon, name, prefix="jr_")["runs"] == []

    answers: list[dict[str, Any]] = []
    query = {"seen_status": "RUNNING", "wait_s": "60"}
    waiting = threading.Thread(target=lambda: answers.append(told_workflow(daemon, name, run=run_id, **query)))
    waiting.start()
    gate.touch()
    waiting.join()
    (details,) = answers
    run = details["workflow_run"]
    assert (run["id"], run["status"], run["properties"]) == (run_id, "COMPLETED", {"a": "1", "b": "2"})
    assert (run["statistics"]["total_actions"], run["statistics"]["succeeded_actions"]) == (2, 2)
    tree = ["w_start", "  w_first SUCCEEDED", "    w_then", "      w_second SUCCEEDED"]
    assert outline(details["chain"]) == tree
    job_run = the_run(daemon, second)["id"]
    assert explained(daemon, job_run)["workflow_run"] == {"workflow_name": name, "id": run_id, "status": "COMPLETED"}
    assert runs.details(daemon, job_run)["workflow_run"]["id"] == run_id

    resumed = daemon.call("GetWorkflowRun", {"Name": name, "RunId": run_id, "IncludeGraph": True})["Run"]["Graph"]
    node = next(one["UniqueId"] for one in resumed["Nodes"] if one["Name"] == second)
    again = daemon.call("ResumeWorkflowRun", {"Name": name, "RunId": run_id, "NodeIds": [node]})["RunId"]
    details = told_workflow(daemon, name, run=again, **query)
    repeated = [line for line in details["chain"]["lines"] if line["kind"] == "run"]
    assert [line["job_name"] for line in repeated] == ["w_first", "w_second"]
    assert [line["is_inherited"] for line in repeated] == [True, False]
    assert explained(daemon, repeated[1]["id"])["trigger"]["firing"] is None  # it is the resumption's
    assert details["workflow_run"]["previous_run_id"] == run_id


def test_a_run_of_a_workflow_tells_from_where_it_can_be_resumed(daemon: Daemon, tmp_path: Path) -> None:
    good, live = daemon.job("resumable_good", "", **SMALL), daemon.job("resumable_live", runs.WAIT_FOR_GATE, **SMALL)
    bad = daemon.job("resumable_bad", "raise SystemExit(1)\n", **SMALL)
    daemon.call("CreateWorkflow", {"Name": "resumable"})
    gate = tmp_path / "gate"
    actions = [{"JobName": good}, {"JobName": bad}, {"JobName": live, "Arguments": {"--gate": str(gate)}}]
    begins = {"Type": "ON_DEMAND", "WorkflowName": "resumable", "Actions": actions}
    daemon.call("CreateTrigger", {"Name": "begins resumable", **begins})
    run_id = daemon.call("StartWorkflowRun", {"Name": "resumable"})["RunId"]
    daemon.ended(bad, the_run(daemon, bad)["id"])
    assert told_workflow(daemon, "resumable", run=run_id)["resumable"] == {}, "it has not ended"
    gate.touch()
    query = {"seen_status": "RUNNING", "wait_s": "60"}
    resumable = told_workflow(daemon, "resumable", run=run_id, **query)["resumable"]
    asked = {"Name": "resumable", "RunId": run_id, "IncludeGraph": True}
    nodes = daemon.call("GetWorkflowRun", asked)["Run"]["Graph"]["Nodes"]
    assert resumable == {node["Name"]: node["UniqueId"] for node in nodes if node["Name"] == bad}


@pytest.mark.parametrize(
    "path",
    [
        "/triggers/none",
        "/runs/jr_1/explain",
        f"/runs/jr_{'0' * 64}/explain",
        "/workflow",
        "/workflow?name=none",
        f"/workflow?name=none&run=wr_{'0' * 64}",
        "/workflow?name=none&run=wr_1",
    ],
)
def test_what_is_not_there_is_not_found(daemon: Daemon, path: str) -> None:
    status, body, _ = daemon.get(path)
    assert (status, json.loads(body)["__type"]) == (http.client.NOT_FOUND, "EntityNotFoundException")

"""Workflows come back as they were stored, and a run of one keeps the triggers that there were."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.records import Invocation
from orchestrator.model.triggers import Action, TriggerDefinition, TriggerState, TriggerType
from orchestrator.model.workflows import WorkflowDefinition, WorkflowRun, WorkflowRunStatus, run_id
from orchestrator.store import chains, triggers, workflows
from tests.support.records import NOW_MS, opened

W = WorkflowRunStatus
FULL = WorkflowDefinition(description="d", default_run_properties={"k": "\u00e9"}, max_concurrent_runs=3)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def begun(store: sqlite3.Connection, number: int, name: str = "w", call: Invocation | None = None) -> WorkflowRun:
    """Store a run of a workflow, with the triggers that it has."""
    return workflows.insert_run(
        store,
        chain_key=chains.create(store, at_ms=NOW_MS),
        base_id=bytes([number]) * 32,
        workflow_name=name,
        previous_base_id=None,
        properties={"k": "v"},
        triggers=triggers.list_of_workflow(store, name),
        invocation=call,
        at_ms=NOW_MS,
    )


def test_a_workflow_is_given_back_as_it_came_changed_and_deleted(store: sqlite3.Connection) -> None:
    workflow = workflows.create(store, "w", FULL, at_ms=NOW_MS)
    assert (workflow.definition, workflow.created_on_ms) == (FULL, NOW_MS)
    replaced = workflows.replace(store, workflow, WorkflowDefinition(), at_ms=NOW_MS + 1)
    assert (replaced.definition, replaced.last_modified_on_ms) == (WorkflowDefinition(), NOW_MS + 1)
    workflows.delete(store, replaced)
    assert workflows.find(store, "w") is None
    with pytest.raises(EntityNotFoundError):
        workflows.get(store, "w")


def test_lists_are_pages_by_name(store: sqlite3.Connection) -> None:
    for name in ("c", "a", "b"):
        workflows.create(store, name, FULL, at_ms=NOW_MS)
    assert [one.name for one in workflows.list_page(store, after="a", limit=9)] == ["b", "c"]
    assert [one.name for one in workflows.list_page(store, after="", limit=2)] == ["a", "b"]


def test_a_run_keeps_the_triggers_as_they_were_and_outlives_its_workflow(store: sqlite3.Connection) -> None:
    workflow = workflows.create(store, "w", FULL, at_ms=NOW_MS)
    definition = TriggerDefinition(type=TriggerType.ON_DEMAND, workflow_name="w", actions=(Action(job_name="a"),))
    trigger = triggers.create(store, "t", definition, state=TriggerState.CREATED, source=None, at_ms=NOW_MS)
    run = begun(store, 1)
    triggers.delete(store, trigger)
    workflows.delete(store, workflow)
    again = workflows.get_run(store, "w", run.id)
    assert again == run
    assert again.triggers == [trigger]
    assert (run.status, run.properties, run.started_on_ms) == (W.RUNNING, {"k": "v"}, NOW_MS)
    assert workflows.find_run_of_chain(store, run.chain_key) == run
    assert workflows.find_run_of_chain(store, 99) is None


@pytest.mark.parametrize("text", [run_id(b"\x02" * 32), "wr_", "jr_" + "01" * 32, ""])
def test_a_run_that_is_not_there_is_an_error(store: sqlite3.Connection, text: str) -> None:
    begun(store, 1)
    with pytest.raises(EntityNotFoundError):
        workflows.get_run(store, "w", text)


def test_another_workflows_run_is_not_ones_own(store: sqlite3.Connection) -> None:
    run = begun(store, 1, "other")
    with pytest.raises(EntityNotFoundError):
        workflows.get_run(store, "w", run.id)


def test_a_call_finds_the_run_that_it_made(store: sqlite3.Connection) -> None:
    run = begun(store, 1, call=Invocation(id_digest=b"i", request_digest=b"r"))
    assert workflows.find_run_by_invocation(store, b"i") == (run.base_id, b"r")
    assert workflows.find_run_by_invocation(store, b"j") is None


def test_runs_are_pages_newest_first_and_counted_while_they_live(store: sqlite3.Connection) -> None:
    first, second, third = (begun(store, number) for number in (1, 2, 3))
    begun(store, 4, "other")
    assert workflows.list_run_page(store, "w", before_key=None, limit=2) == [third, second]
    assert workflows.list_run_page(store, "w", before_key=second.chain_key, limit=9) == [first]
    workflows.set_status(store, first, W.COMPLETED, at_ms=NOW_MS)
    workflows.set_status(store, second, W.STOPPING, at_ms=NOW_MS)
    assert workflows.count_live(store, "w") == 2


def test_an_end_has_its_time_which_is_never_before_the_start_and_goes_when_the_run_is_opened_again(
    store: sqlite3.Connection,
) -> None:
    run = begun(store, 1)
    workflows.set_status(store, run, W.COMPLETED, at_ms=NOW_MS - 100)
    ended = workflows.get_run(store, "w", run.id)
    assert (ended.status, ended.completed_on_ms) == (W.COMPLETED, NOW_MS)
    workflows.set_status(store, run, W.STOPPED, at_ms=NOW_MS)  # it was read before it ended
    assert workflows.get_run(store, "w", run.id) == ended
    workflows.set_status(store, ended, W.RUNNING, at_ms=NOW_MS)
    assert workflows.get_run(store, "w", run.id) == run


def test_properties_are_replaced(store: sqlite3.Connection) -> None:
    run = begun(store, 1)
    workflows.set_properties(store, run, {"x": "\u00e9"})
    assert workflows.get_run(store, "w", run.id).properties == {"x": "\u00e9"}

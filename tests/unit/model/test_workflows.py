"""A workflow's graph is what its triggers say, and its nodes have the same ids in all its runs."""

from typing import Any

import pytest

from orchestrator.model.errors import InvalidInputError
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import Action, Condition, Trigger, TriggerDefinition, TriggerState, TriggerType
from orchestrator.model.workflows import (
    Node,
    WorkflowDefinition,
    check,
    graph,
    may_fire,
    parse_run_id,
    run_id,
    start_triggers,
)


def a_trigger(
    name: str, *actions: str, watches: str = "", state: TriggerState = TriggerState.ACTIVATED, **more: Any
) -> Trigger:
    """Return a trigger that starts jobs, and watches some."""
    definition = TriggerDefinition(
        type=more.pop("type", TriggerType.CONDITIONAL if watches else TriggerType.ON_DEMAND),
        conditions=[Condition(job_name=job, state=JobRunState.SUCCEEDED) for job in watches],
        actions=[Action(job_name=job) for job in actions],
    )
    return Trigger(
        trigger_key=1,
        name=name,
        state=state,
        definition=definition,
        source=None,
        active_since_ms=0,
        created_on_ms=0,
        last_modified_on_ms=0,
    )


def test_edges_go_from_triggers_to_what_they_start_and_from_jobs_to_what_watches_them() -> None:
    found = graph(
        [a_trigger("root", "a"), a_trigger("fork", "b", "c", watches="a"), a_trigger("join", "d", watches="bc")]
    )
    assert [node.name for node in found.nodes] == ["root", "a", "fork", "b", "c", "join", "d"]
    assert [(source.name, target.name) for source, target in found.edges] == [
        ("root", "a"),
        ("a", "fork"),
        ("fork", "b"),
        ("fork", "c"),
        ("b", "join"),
        ("c", "join"),
        ("join", "d"),
    ]


def test_below_a_node_is_all_that_can_be_reached_also_in_a_circle() -> None:
    found = graph([a_trigger("there", "b", watches="a"), a_trigger("back", "a", watches="b"), a_trigger("t", "c")])
    assert {node.name for node in found.below([Node("JOB", "b")])} == {"b", "back", "a", "there"}
    assert {node.name for node in found.below([Node("TRIGGER", "t")])} == {"t", "c"}
    assert found.below([]) == set()


def test_a_job_and_a_trigger_of_the_same_name_are_two_nodes() -> None:
    assert len(graph([a_trigger("a", "a")]).nodes) == 2


def test_a_nodes_id_tells_workflow_type_and_name_apart_and_is_always_the_same() -> None:
    ids = {
        Node("JOB", "a").unique_id("w"),
        Node("TRIGGER", "a").unique_id("w"),
        Node("JOB", "a").unique_id("v"),
        Node("JOB", "b").unique_id("w"),
    }
    assert len(ids) == 4
    assert Node("JOB", "a").unique_id("w") in ids
    assert Node("JOB", "\ud800").unique_id("w").startswith("wnode_")


def test_a_run_starts_with_every_trigger_that_waits_for_no_job() -> None:
    schedule = a_trigger("s", "a", type=TriggerType.SCHEDULED, state=TriggerState.DEACTIVATED)
    some = [a_trigger("root", "a"), schedule, a_trigger("then", "b", watches="a")]
    assert [trigger.name for trigger in start_triggers(some)] == ["root", "s"]


@pytest.mark.parametrize(
    ("trigger", "fires"),
    [
        (a_trigger("t", "b", watches="a"), True),
        (a_trigger("t", "b", watches="a", state=TriggerState.DEACTIVATED), False),
        (a_trigger("t", "b", watches="a", state=TriggerState.CREATED), False),
        (a_trigger("t", "b"), False),
    ],
)
def test_only_an_active_conditional_trigger_fires_by_itself(trigger: Trigger, *, fires: bool) -> None:
    assert may_fire(trigger) == fires


@pytest.mark.parametrize("most", [0, -1])
def test_a_workflow_that_could_never_run_is_refused(most: int) -> None:
    check(WorkflowDefinition(max_concurrent_runs=1))
    check(WorkflowDefinition())
    with pytest.raises(InvalidInputError, match="MaxConcurrentRuns is"):
        check(WorkflowDefinition(max_concurrent_runs=most))


def test_an_id_of_a_run_is_read_back_and_nothing_else_is() -> None:
    base = bytes(range(32))
    text = run_id(base)
    assert parse_run_id(text) == base
    for other in (text[:-1], text + "0", text.upper(), text[3:], "jr_" + text[3:], "wr_" + "g" * 64, "wr_" + " " * 64):
        assert parse_run_id(other) is None

"""Definitions that could not work are refused in Glue's words, and a predicate is true exactly when it says so."""

from typing import Any

import pytest

from orchestrator.model.errors import InvalidInputError
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import MAX_ACTIONS, Action, Condition, End, TriggerDefinition, TriggerType, check
from orchestrator.model.triggers import satisfied_by as satisfied
from tests.support.records import run_id

S = JobRunState
ACTION = Action(job_name="a")


def a_trigger(kind: str, **changes: Any) -> TriggerDefinition:
    """Return a definition that is accepted, but for the changes."""
    needs: dict[str, dict[str, Any]] = {
        "SCHEDULED": {"schedule": "cron(0 12 * * ? *)"},
        "CONDITIONAL": {"conditions": (Condition(job_name="b", state=S.SUCCEEDED),)},
    }
    return TriggerDefinition(type=TriggerType(kind), **{"actions": (ACTION,), **needs.get(kind, {}), **changes})


@pytest.mark.parametrize("kind", TriggerType)
def test_a_definition_with_what_its_type_needs_is_accepted(kind: TriggerType) -> None:
    check(a_trigger(kind))


@pytest.mark.parametrize(
    ("definition", "sentence"),
    [
        (a_trigger("ON_DEMAND", actions=()), "Actions cannot be null or empty."),
        (
            a_trigger("ON_DEMAND", actions=(ACTION,) * (MAX_ACTIONS + 1)),
            "Actions has 51 members; at most 50 are allowed.",
        ),
        (a_trigger("ON_DEMAND", actions=(Action(job_name="a", timeout_min=0),)), "Timeout"),
        (a_trigger("ON_DEMAND", actions=(Action(job_name="a", arguments={"--a": "\0"}),)), "Actions.Arguments"),
        (
            a_trigger("ON_DEMAND", schedule="cron(0 12 * * ? *)"),
            "Schedule is not allowed for a trigger of type ON_DEMAND.",
        ),
        (a_trigger("SCHEDULED", schedule=None), "Schedule cannot be null or empty for a trigger of type SCHEDULED."),
        (a_trigger("SCHEDULED", schedule="rate(5 minutes)"), "Schedule: it must have the form cron"),
        (
            a_trigger("EVENT", conditions=(Condition(job_name="b", state=S.SUCCEEDED),)),
            "Predicate is not allowed for a trigger of type EVENT.",
        ),
        (
            a_trigger("CONDITIONAL", conditions=()),
            "Predicate.Conditions cannot be null or empty for a trigger of type CONDITIONAL.",
        ),
        (
            a_trigger("CONDITIONAL", conditions=(Condition(job_name="b", state=S.ERROR),)),
            "[SUCCEEDED, STOPPED, FAILED, TIMEOUT]",
        ),
        (
            a_trigger("CONDITIONAL", conditions=[Condition(job_name=name, state=S.FAILED) for name in "bc"]),
            "Predicate.Logical cannot be null or empty with more than one condition.",
        ),
        (
            a_trigger("CONDITIONAL", conditions=(Condition(job_name="a", state=S.FAILED),)),
            "Job cannot be a Predicate and Action for Conditional Trigger.",
        ),
    ],
)
def test_a_definition_that_could_not_work_is_refused(definition: TriggerDefinition, sentence: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check(definition)
    assert sentence in str(caught.value)


def test_a_schedule_below_glues_minimum_is_refused_only_where_it_is_asked_for() -> None:
    often = a_trigger("SCHEDULED", schedule="cron(0/2 * * * ? *)")
    check(often)
    with pytest.raises(InvalidInputError, match="fires more often than every 5 minutes"):
        check(often, is_strict=True)
    check(a_trigger("SCHEDULED", schedule="cron(0/5 * * * ? *)"), is_strict=True)


def watching(logical: Any, **conditions: str) -> TriggerDefinition:
    some = [Condition(job_name=job, state=S(state)) for job, state in conditions.items()]
    return TriggerDefinition(type=TriggerType.CONDITIONAL, logical=logical, conditions=some, actions=(ACTION,))


def ends(**states: str) -> dict[str, End]:
    return {job: End(run_id=run_id(number), state=S(state)) for number, (job, state) in enumerate(states.items())}


@pytest.mark.parametrize(
    ("logical", "ended", "how", "predecessors"),
    [
        ("AND", "b", {"b": "SUCCEEDED", "c": "FAILED"}, ["b", "c"]),
        ("AND", "c", {"c": "FAILED", "b": "SUCCEEDED"}, ["b", "c"]),
        ("AND", "b", {"b": "SUCCEEDED"}, None),
        ("AND", "b", {"b": "SUCCEEDED", "c": "SUCCEEDED"}, None),
        ("AND", "d", {"b": "SUCCEEDED", "c": "FAILED", "d": "SUCCEEDED"}, None),
        ("ANY", "c", {"b": "SUCCEEDED", "c": "FAILED"}, ["c"]),
        ("ANY", "b", {"b": "SUCCEEDED", "c": "SUCCEEDED"}, ["b"]),
        ("ANY", "c", {"b": "SUCCEEDED", "c": "SUCCEEDED"}, None),
        ("ANY", "b", {"b": "TIMEOUT"}, None),
        ("ANY", "b", {}, None),
    ],
)
def test_a_predicate_holds_when_the_jobs_ended_as_it_says_and_one_of_them_just_now(
    logical: str, ended: str, how: dict[str, str], predecessors: list[str] | None
) -> None:
    found = satisfied(watching(logical, b="SUCCEEDED", c="FAILED"), ended, ends(**how))
    assert found == (None if predecessors is None else [(name, ends(**how)[name]) for name in predecessors])


def test_of_several_ends_of_one_job_any_takes_each_and_and_none() -> None:
    both = [Condition(job_name="b", state=state) for state in (S.SUCCEEDED, S.FAILED)]
    of_any = TriggerDefinition(type=TriggerType.CONDITIONAL, logical="ANY", conditions=both, actions=(ACTION,))
    of_all = TriggerDefinition(type=TriggerType.CONDITIONAL, logical="AND", conditions=both, actions=(ACTION,))
    assert satisfied(of_any, "b", ends(b="FAILED")) == [("b", ends(b="FAILED")["b"])]
    assert satisfied(of_all, "b", ends(b="FAILED")) is None

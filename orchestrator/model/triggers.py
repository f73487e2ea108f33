"""Triggers: which definitions are refused, and when a conditional one fires. Pure decisions.

Source: glue-semantics §6; design §4.8.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal

from orchestrator.model import arguments, definitions, schedule
from orchestrator.model.errors import InvalidInputError
from orchestrator.model.ids import JobRunId
from orchestrator.model.states import JobRunState

WATCHABLE: Final = (JobRunState.SUCCEEDED, JobRunState.STOPPED, JobRunState.FAILED, JobRunState.TIMEOUT)
"""The ends that a condition may name."""
MAX_ACTIONS: Final = 50
"""How many jobs one trigger starts, as in Glue's quota."""


class TriggerType(StrEnum):
    """Glue's types of triggers."""

    SCHEDULED = "SCHEDULED"
    CONDITIONAL = "CONDITIONAL"
    ON_DEMAND = "ON_DEMAND"
    EVENT = "EVENT"
    """Stored and shown; nothing here starts it."""


class TriggerState(StrEnum):
    """Those of Glue's states in which a trigger is ever seen here: all changes are one commit."""

    CREATED = "CREATED"
    ACTIVATED = "ACTIVATED"
    DEACTIVATED = "DEACTIVATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A run that a trigger starts."""

    job_name: str
    arguments: Mapping[str, str] | None = None
    timeout_min: int | None = None
    security_configuration: str | None = None
    notify_delay_after_min: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """An end of a job's run that a trigger waits for."""

    job_name: str
    state: JobRunState


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerDefinition:
    """A trigger as its author wrote it."""

    type: TriggerType
    workflow_name: str | None = None
    schedule: str | None = None
    logical: Literal["AND", "ANY"] | None = None
    conditions: Sequence[Condition] = ()
    actions: Sequence[Action] = ()
    description: str | None = None
    event_batching: Mapping[str, Any] | None = None  # kept and given back untouched


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """A trigger that exists now."""

    trigger_key: int
    name: str
    state: TriggerState
    definition: TriggerDefinition
    source: str | None  # the file that defines it; None when it came over the API
    active_since_ms: int
    created_on_ms: int
    last_modified_on_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How the newest run of a job in a chain ended."""

    run_id: JobRunId
    state: JobRunState


def check(definition: TriggerDefinition, *, is_strict: bool = False) -> None:
    """Refuse a definition that could not work; `is_strict` also refuses a schedule more frequent than Glue's minimum.

    Raises:
        InvalidInputError: in Glue's words where these are known; else it names the member.
    """
    if not definition.actions:
        raise InvalidInputError("Actions cannot be null or empty.")
    if len(definition.actions) > MAX_ACTIONS:
        raise InvalidInputError(f"Actions has {len(definition.actions)} members; at most {MAX_ACTIONS} are allowed.")
    for action in definition.actions:
        arguments.check_map(action.arguments, "Actions.Arguments")
        definitions.check_timeout(action.timeout_min)
    _check_schedule(definition, is_strict=is_strict)
    _check_predicate(definition)


def _check_schedule(definition: TriggerDefinition, *, is_strict: bool) -> None:
    if definition.type is not TriggerType.SCHEDULED:
        if definition.schedule:
            raise InvalidInputError(f"Schedule is not allowed for a trigger of type {definition.type}.")
        return
    if not definition.schedule:
        raise InvalidInputError("Schedule cannot be null or empty for a trigger of type SCHEDULED.")
    parsed = schedule.parse(definition.schedule)
    if is_strict and parsed.is_frequent:
        raise InvalidInputError(f"Schedule: {definition.schedule} fires more often than every 5 minutes.")


def _check_predicate(definition: TriggerDefinition) -> None:
    if definition.type is not TriggerType.CONDITIONAL:
        if definition.conditions:
            raise InvalidInputError(f"Predicate is not allowed for a trigger of type {definition.type}.")
        return
    if not definition.conditions:
        raise InvalidInputError("Predicate.Conditions cannot be null or empty for a trigger of type CONDITIONAL.")
    if len(definition.conditions) > 1 and definition.logical is None:
        raise InvalidInputError("Predicate.Logical cannot be null or empty with more than one condition.")
    for condition in definition.conditions:
        if condition.state not in WATCHABLE:
            allowed = ", ".join(WATCHABLE)
            sentence = (
                f"State {condition.state} cannot be watched; choose from one of the following job state: [{allowed}]"
            )
            raise InvalidInputError(sentence)
    started = {action.job_name for action in definition.actions}
    if any(condition.job_name in started for condition in definition.conditions):
        raise InvalidInputError("Job cannot be a Predicate and Action for Conditional Trigger.")


def satisfied_by(
    definition: TriggerDefinition, ended_job: str, ends: Mapping[str, End]
) -> list[tuple[str, End]] | None:
    """Return the ends that make a conditional trigger fire now that a run of `ended_job` has ended, or None.

    `ends` holds, for each job of the chain whose newest attempt has ended for good, how it did. With AND, every
    condition must hold, and all its runs are the predecessors; with ANY, it is the end of `ended_job` that counts, and
    it alone is the predecessor.
    """
    met = {
        condition.job_name
        for condition in definition.conditions
        if condition.job_name in ends and ends[condition.job_name].state == condition.state
    }
    if ended_job not in met:
        return None
    if definition.logical == "ANY":
        return [(ended_job, ends[ended_job])]
    if any(ends_otherwise(condition, ends) for condition in definition.conditions):
        return None
    return [(name, ends[name]) for name in dict.fromkeys(condition.job_name for condition in definition.conditions)]


def ends_otherwise(condition: Condition, ends: Mapping[str, End]) -> bool:
    """Say whether the condition does not hold (yet)."""
    end = ends.get(condition.job_name)
    return end is None or end.state != condition.state

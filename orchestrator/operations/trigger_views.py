"""Triggers: from Glue's shapes to definitions, and back.

The sentences about what a shape lacks are here, for a definition cannot lack it. Source: glue-semantics §6.2.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final, TypeVar

from orchestrator.model.errors import EntityNotFoundError, InvalidInputError
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import WATCHABLE, Action, Condition, Trigger, TriggerDefinition, TriggerType
from orchestrator.wire import shapes

_CRAWLER_ENDS: Final = ("SUCCEEDED", "FAILED", "CANCELLED")
_T = TypeVar("_T")


def trigger_shape(trigger: Trigger) -> shapes.Trigger:
    """Return a trigger with the members it was made with, and its state."""
    definition = trigger.definition
    batching = definition.event_batching
    return shapes.Trigger(
        name=trigger.name,
        workflow_name=definition.workflow_name,
        type=definition.type,
        state=trigger.state,
        description=definition.description,
        schedule=definition.schedule,
        actions=[_action_shape(action) for action in definition.actions],
        predicate=_predicate_shape(definition),
        event_batching_condition=None if batching is None else shapes.EventBatchingCondition.model_validate(batching),
    )


def _action_shape(action: Action) -> shapes.Action:
    delay = action.notify_delay_after_min
    return shapes.Action(
        job_name=action.job_name,
        arguments=None if action.arguments is None else dict(action.arguments),
        timeout=action.timeout_min,
        security_configuration=action.security_configuration,
        notification_property=None if delay is None else shapes.NotificationProperty(notify_delay_after=delay),
    )


def _predicate_shape(definition: TriggerDefinition) -> shapes.Predicate | None:
    if not definition.conditions:
        return None
    conditions = [
        shapes.Condition.model_validate(
            {"logical_operator": "EQUALS", "job_name": condition.job_name, "state": str(condition.state)}
        )
        for condition in definition.conditions
    ]
    return shapes.Predicate(logical=definition.logical, conditions=conditions)


def definition_of(request: shapes.CreateTriggerRequest) -> TriggerDefinition:
    """Return the definition that a request describes; whether it can work is for `model.triggers.check` to say.

    Raises:
        InvalidInputError: an action or a condition lacks a member, or names two things at once.
        EntityNotFoundError: it names a crawler.
    """
    definition = TriggerDefinition(type=TriggerType(request.type), workflow_name=request.workflow_name)
    return _with(definition, request)


def updated(before: TriggerDefinition, update: shapes.TriggerUpdate) -> TriggerDefinition:
    """Return the definition that follows `before`: all of it is overwritten but the type and the workflow.

    Raises:
        InvalidInputError: an action or a condition lacks a member, or names two things at once.
        EntityNotFoundError: it names a crawler.
    """
    return _with(TriggerDefinition(type=before.type, workflow_name=before.workflow_name), update)


def is_same(one: TriggerDefinition, other: TriggerDefinition) -> bool:
    """Say whether two definitions are the same trigger, however they are spelled."""
    return _plain(one) == _plain(other)


def _plain(definition: TriggerDefinition) -> TriggerDefinition:
    """Return `definition` in the one form of all that mean the same."""
    return replace(
        definition,
        schedule=" ".join((definition.schedule or "").split()).upper(),
        logical=definition.logical if len(definition.conditions) > 1 else None,
        conditions=tuple(definition.conditions),
        actions=tuple(replace(action, arguments=dict(action.arguments or {})) for action in definition.actions),
        description=definition.description or None,
    )


def _with(
    definition: TriggerDefinition, request: shapes.CreateTriggerRequest | shapes.TriggerUpdate
) -> TriggerDefinition:
    predicate, batching = request.predicate, request.event_batching_condition
    return replace(
        definition,
        schedule=request.schedule,
        logical=predicate.logical if predicate else None,
        conditions=tuple(_condition(one) for one in _items(predicate.conditions if predicate else None)),
        actions=tuple(_action(one) for one in _items(request.actions)),
        description=request.description,
        event_batching=None if batching is None else batching.model_dump(by_alias=False, exclude_none=True),
    )


def _items(given: Sequence[_T] | None) -> Sequence[_T]:
    return () if given is None else given


def _action(shape: shapes.Action) -> Action:
    if shape.crawler_name is not None:
        if shape.job_name is not None:
            raise InvalidInputError("Actions: an action names a job or a crawler, not both.")
        raise EntityNotFoundError.crawler(shape.crawler_name)
    if shape.job_name is None:
        raise InvalidInputError("Actions.JobName cannot be null or empty.")
    notification = shape.notification_property
    return Action(
        job_name=shape.job_name,
        arguments=shape.arguments,
        timeout_min=shape.timeout,
        security_configuration=shape.security_configuration,
        notify_delay_after_min=notification.notify_delay_after if notification else None,
    )


def _condition(shape: shapes.Condition) -> Condition:
    if shape.logical_operator is None:
        raise InvalidInputError("Logical operator cannot be null or empty")
    if shape.crawler_name is not None:
        if shape.job_name is not None:
            raise InvalidInputError("Predicate.Conditions: a condition names a job or a crawler, not both.")
        if shape.crawl_state is None:
            raise _no_state("crawler", _CRAWLER_ENDS)
        raise EntityNotFoundError.crawler(shape.crawler_name)
    if shape.job_name is None:
        raise InvalidInputError("Predicate.Conditions.JobName cannot be null or empty.")
    if shape.state is None:
        raise _no_state("job", WATCHABLE)
    return Condition(job_name=shape.job_name, state=JobRunState(shape.state))


def _no_state(kind: str, allowed: Sequence[str]) -> InvalidInputError:
    named = ", ".join(allowed)
    return InvalidInputError(f"State cannot be null or empty, choose from one of the following {kind} state: [{named}]")

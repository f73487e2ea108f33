"""Triggers from a file: not an action of Glue's, but the other way in which triggers come to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import structlog

from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.triggers import Trigger, TriggerDefinition, TriggerState
from orchestrator.operations.context import Context
from orchestrator.operations.trigger_rules import check_references, first_state, warn_if_frequent
from orchestrator.store import tags, triggers
from orchestrator.store.database import Transaction

log = structlog.stdlib.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedTrigger:
    """A trigger as a file defines it."""

    definition: TriggerDefinition
    starts: bool  # StartOnCreation
    tags: Mapping[str, str] | None  # None: the file says nothing of them
    source: str  # the file's path


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinedTriggers:
    """What the file defines, and what it would define but for a mistake."""

    triggers: Mapping[str, DefinedTrigger] = field(default_factory=dict)
    refused: frozenset[str] = frozenset()
    is_whole: bool = True  # the file could be read, so a trigger that is not in it is not defined any more


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    changed: list[str]
    orphans: list[str]
    refused: dict[str, str]


async def define_triggers(ctx: Context, defined: DefinedTriggers) -> list[str]:
    """Make the store's triggers agree with the file, in one transaction; return those whose jobs or workflow are missing.

    A trigger that exists takes the file's definition and keeps its state: what StopTrigger has stopped stays stopped. It
    takes the state of a new one only if it is of another type now, or was never started and now is to be. A trigger
    whose table is gone stays as it is, and from then on belongs to the API; so does one that is in the file with a
    mistake, or names what does not exist, but that still belongs to the file. Tags in the file replace those there are.
    """
    at_ms = ctx.now_ms()

    def define(tx: Transaction) -> _Outcome:
        outcome = _Outcome(changed=[], orphans=[], refused={})
        for name, one in defined.triggers.items():
            try:
                check_references(tx, one.definition)
            except EntityNotFoundError as error:
                outcome.refused[name] = str(error)
                continue
            if _define(tx, name, one, at_ms):
                outcome.changed.append(name)
        for trigger in triggers.list_sourced(tx) if defined.is_whole else ():
            if trigger.name not in defined.triggers and trigger.name not in defined.refused:
                triggers.replace(tx, trigger, trigger.definition, source=None, at_ms=at_ms)
                outcome.orphans.append(trigger.name)
        return outcome

    outcome = await ctx.database.write("define_triggers", define, is_patient=True)
    ctx.supervisor.rescheduled()
    for name, problem in outcome.refused.items():
        log.error("trigger_refused", trigger=name, file=defined.triggers[name].source, problem=problem)
    for name in outcome.orphans:
        consequence = "the trigger stays as it is and can now be changed or deleted by the API"
        log.warning("trigger_table_gone", trigger=name, consequence=consequence)
    for name in outcome.changed:
        warn_if_frequent(name, defined.triggers[name].definition)
    return list(outcome.refused)


def _define(tx: Transaction, name: str, one: DefinedTrigger, at_ms: int) -> bool:
    """Bring one trigger to what the file says; return whether its definition is new."""
    trigger = triggers.find(tx, name)
    first = first_state(one.definition, starts=one.starts)
    is_changed = trigger is None or trigger.definition != one.definition
    if trigger is None:
        triggers.create(tx, name, one.definition, state=first, source=one.source, at_ms=at_ms)
    else:
        if is_changed or trigger.source != one.source:
            triggers.replace(tx, trigger, one.definition, source=one.source, at_ms=at_ms)
        if _begins_anew(trigger, one.definition):
            triggers.set_state(tx, trigger, first, at_ms=at_ms)
    resource = f"trigger/{name}"
    if one.tags is not None and one.tags != tags.get(tx, resource):
        tags.clear(tx, resource)
        tags.put(tx, resource, one.tags)
    return is_changed


def _begins_anew(trigger: Trigger, definition: TriggerDefinition) -> bool:
    return trigger.state is TriggerState.CREATED or trigger.definition.type is not definition.type

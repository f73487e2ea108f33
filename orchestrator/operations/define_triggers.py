"""Triggers from a file: not an action of Glue's, but the other way in which triggers come to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import structlog

from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.triggers import Trigger, TriggerDefinition, TriggerState
from orchestrator.operations.context import Context
from orchestrator.operations.file_changes import FileChange, trigger_members
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
class Outcome:
    """What became of the triggers, and why those are refused whose jobs or workflow are missing."""

    changes: list[FileChange] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


async def define_triggers(ctx: Context, defined: DefinedTriggers) -> Outcome:
    """Make the store's triggers agree with the file, in one transaction; return what that changed.

    A trigger that exists takes the file's definition and keeps its state: what StopTrigger has stopped stays stopped. It
    takes the state of a new one only if it is of another type now, or was never started and now is to be. A trigger
    whose table is gone stays as it is, and from then on belongs to the API; so does one that is in the file with a
    mistake, or names what does not exist, but that still belongs to the file. Tags in the file replace those there are.
    """
    at_ms = ctx.now_ms()
    outcome = await ctx.database.write(
        "define_triggers", lambda tx: define_in(tx, defined, at_ms=at_ms), is_patient=True
    )
    ctx.supervisor.rescheduled()
    for name, problem in outcome.refused.items():
        log.error("trigger_refused", trigger=name, file=defined.triggers[name].source, problem=problem)
    for change in outcome.changes:
        if change.change == "GONE":
            consequence = "the trigger stays as it is and can now be changed or deleted by the API"
            log.warning("trigger_table_gone", trigger=change.name, consequence=consequence)
        else:
            warn_if_frequent(change.name, defined.triggers[change.name].definition)
    return outcome


def define_in(tx: Transaction, defined: DefinedTriggers, *, at_ms: int) -> Outcome:
    """Do what `define_triggers` promises, in a transaction of the caller's."""
    outcome = Outcome()
    for name, one in defined.triggers.items():
        try:
            check_references(tx, one.definition)
        except EntityNotFoundError as error:
            outcome.refused[name] = str(error)
            continue
        _define(tx, name, one, outcome, at_ms=at_ms)
    for trigger in triggers.list_sourced(tx) if defined.is_whole else ():
        if trigger.name not in defined.triggers and trigger.name not in defined.refused:
            before = _members(tx, trigger)
            triggers.replace(tx, trigger, trigger.definition, source=None, at_ms=at_ms)
            _note(tx, trigger.name, before, outcome)
    return outcome


def _define(tx: Transaction, name: str, one: DefinedTrigger, outcome: Outcome, *, at_ms: int) -> None:
    """Bring one trigger to what the file says."""
    trigger, resource = triggers.find(tx, name), f"trigger/{name}"
    first = first_state(one.definition, starts=one.starts)
    is_same = trigger is not None and trigger.definition == one.definition and trigger.source == one.source
    begins = trigger is not None and _begins_anew(trigger, one.definition) and trigger.state is not first
    is_tagged_anew = one.tags is not None and one.tags != tags.get(tx, resource)
    if is_same and not begins and not is_tagged_anew:
        return
    before = None if trigger is None else _members(tx, trigger)
    if trigger is None:
        triggers.create(tx, name, one.definition, state=first, source=one.source, at_ms=at_ms)
    else:
        if not is_same:
            triggers.replace(tx, trigger, one.definition, source=one.source, at_ms=at_ms)
        if begins:
            triggers.set_state(tx, trigger, first, at_ms=at_ms)
    if is_tagged_anew:
        tags.clear(tx, resource)
        tags.put(tx, resource, one.tags or {})
    _note(tx, name, before, outcome)


def _begins_anew(trigger: Trigger, definition: TriggerDefinition) -> bool:
    return trigger.state is TriggerState.CREATED or trigger.definition.type is not definition.type


def _members(tx: Transaction, trigger: Trigger) -> dict[str, Any]:
    return trigger_members(trigger, tags.get(tx, f"trigger/{trigger.name}"))


def _note(tx: Transaction, name: str, before: dict[str, Any] | None, outcome: Outcome) -> None:
    after = _members(tx, triggers.get(tx, name))
    outcome.changes.append(FileChange(kind="TRIGGER", name=name, before=before, after=after))

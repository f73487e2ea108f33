"""Triggers and their definitions."""

import json
import sqlite3
from dataclasses import asdict
from typing import Any, Final

from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import Action, Condition, Trigger, TriggerDefinition, TriggerState, TriggerType
from orchestrator.store import change_log
from orchestrator.store.database import Transaction

SELECT_BY_NAME: Final = "SELECT * FROM job_trigger WHERE name = :name"
SELECT_PAGE: Final = "SELECT * FROM job_trigger WHERE name > :after ORDER BY name LIMIT :limit"
SELECT_PAGE_THAT_STARTS: Final = """
SELECT t.* FROM job_trigger AS t
WHERE t.name > :after AND EXISTS (
    SELECT 1 FROM job_trigger_job AS p
    WHERE p.job_name = :job_name AND p.part = 'started' AND p.trigger_key = t.trigger_key)
ORDER BY t.name LIMIT :limit
"""
SELECT_SOURCED: Final = "SELECT * FROM job_trigger WHERE source IS NOT NULL ORDER BY name"
SELECT_SCHEDULED: Final = """
SELECT * FROM job_trigger INDEXED BY job_trigger_scheduled
WHERE type = 'SCHEDULED' AND state = 'ACTIVATED' ORDER BY name
"""
SELECT_OF_WORKFLOW: Final = """
SELECT * FROM job_trigger WHERE workflow_name = :workflow_name ORDER BY trigger_key
"""
SELECT_WATCHING: Final = """
SELECT t.* FROM job_trigger_job AS p JOIN job_trigger AS t ON t.trigger_key = p.trigger_key
WHERE p.job_name = :job_name AND p.part = 'watched' AND t.state = 'ACTIVATED' AND t.workflow_name IS NULL
ORDER BY p.trigger_key
"""
SELECT_NAMING: Final = """
SELECT t.* FROM job_trigger AS t
WHERE t.trigger_key IN (SELECT p.trigger_key FROM job_trigger_job AS p WHERE p.job_name = :job_name)
ORDER BY t.trigger_key
"""
INSERT: Final = """
INSERT INTO job_trigger (
    name, type, state, workflow_name, definition, source, active_since_ms, created_on_ms, last_modified_on_ms
) VALUES (:name, :type, :state, :workflow_name, :definition, :source, :at_ms, :at_ms, :at_ms)
RETURNING trigger_key
"""
UPDATE_DEFINITION: Final = """
UPDATE job_trigger SET
    type = :type, workflow_name = :workflow_name, definition = :definition, source = :source,
    active_since_ms = CASE WHEN :is_rescheduled THEN :at_ms ELSE active_since_ms END, last_modified_on_ms = :at_ms
WHERE trigger_key = :trigger_key
"""
UPDATE_STATE: Final = """
UPDATE job_trigger SET
    state = :state,
    active_since_ms = CASE WHEN :state = 'ACTIVATED' THEN :at_ms ELSE active_since_ms END,
    last_modified_on_ms = :at_ms
WHERE trigger_key = :trigger_key AND state <> :state
"""
DELETE: Final = "DELETE FROM job_trigger WHERE trigger_key = :trigger_key"
INSERT_JOB: Final = """
INSERT INTO job_trigger_job (job_name, part, trigger_key) VALUES (:job_name, :part, :trigger_key)
ON CONFLICT DO NOTHING
"""
DELETE_JOBS: Final = "DELETE FROM job_trigger_job WHERE trigger_key = :trigger_key"


def find(tx: Transaction, name: str) -> Trigger | None:
    """Return the trigger of that name, or None."""
    row = tx.execute(SELECT_BY_NAME, {"name": name}).fetchone()
    return None if row is None else _from_row(row)


def get(tx: Transaction, name: str) -> Trigger:
    """Return the trigger of that name.

    Raises:
        EntityNotFoundError: there is none.
    """
    trigger = find(tx, name)
    if trigger is None:
        raise EntityNotFoundError.trigger(name)
    return trigger


def list_page(tx: Transaction, *, after: str, limit: int, starts_job: str | None = None) -> list[Trigger]:
    """Return up to `limit` triggers in order of their names, behind the name `after`; all, or those that can start a job."""
    bounds = {"after": after, "limit": limit, "job_name": starts_job}
    statement = SELECT_PAGE if starts_job is None else SELECT_PAGE_THAT_STARTS
    return [_from_row(row) for row in tx.execute(statement, bounds)]


def list_sourced(tx: Transaction) -> list[Trigger]:
    """Return the triggers that files define."""
    return [_from_row(row) for row in tx.execute(SELECT_SOURCED)]


def list_scheduled(tx: Transaction) -> list[Trigger]:
    """Return the triggers whose schedules are to be kept now."""
    return [_from_row(row) for row in tx.execute(SELECT_SCHEDULED)]


def list_of_workflow(tx: Transaction, workflow_name: str) -> list[Trigger]:
    """Return a workflow's triggers, oldest first."""
    return [_from_row(row) for row in tx.execute(SELECT_OF_WORKFLOW, {"workflow_name": workflow_name})]


def list_watching(tx: Transaction, job_name: str) -> list[Trigger]:
    """Return the activated triggers outside of all workflows that watch a job, oldest first."""
    return [_from_row(row) for row in tx.execute(SELECT_WATCHING, {"job_name": job_name})]


def list_naming(tx: Transaction, job_name: str) -> list[Trigger]:
    """Return the triggers that start or watch a job, in any state, oldest first."""
    return [_from_row(row) for row in tx.execute(SELECT_NAMING, {"job_name": job_name})]


def create(
    tx: Transaction,
    name: str,
    definition: TriggerDefinition,
    *,
    state: TriggerState,
    source: str | None,
    at_ms: int,
) -> Trigger:
    """Make a trigger. The caller has seen that none of that name exists."""
    values = {**_values(definition), "name": name, "state": state, "source": source, "at_ms": at_ms}
    key = tx.execute(INSERT, values).fetchone()["trigger_key"]
    _set_jobs(tx, key, definition)
    change_log.definition(tx)
    return get(tx, name)


def replace(
    tx: Transaction, trigger: Trigger, definition: TriggerDefinition, *, source: str | None, at_ms: int
) -> Trigger:
    """Give `trigger` another definition. A new schedule counts from now on."""
    values = {
        **_values(definition),
        "trigger_key": trigger.trigger_key,
        "source": source,
        "is_rescheduled": definition.schedule != trigger.definition.schedule,
        "at_ms": at_ms,
    }
    tx.execute(UPDATE_DEFINITION, values)
    tx.execute(DELETE_JOBS, {"trigger_key": trigger.trigger_key})
    _set_jobs(tx, trigger.trigger_key, definition)
    change_log.definition(tx)
    return get(tx, trigger.name)


def set_state(tx: Transaction, trigger: Trigger, state: TriggerState, *, at_ms: int) -> Trigger:
    """Bring `trigger` into `state`; one that is there already stays as it is."""
    tx.execute(UPDATE_STATE, {"trigger_key": trigger.trigger_key, "state": state, "at_ms": at_ms})
    change_log.definition(tx)
    return get(tx, trigger.name)


def delete(tx: Transaction, trigger: Trigger) -> None:
    """Delete `trigger`. What it has started stays, and so do its firings."""
    tx.execute(DELETE, {"trigger_key": trigger.trigger_key})
    change_log.definition(tx)


def to_text(trigger: Trigger) -> dict[str, Any]:
    """Return `trigger` as JSON's types, for a workflow run that keeps it as it is."""
    return asdict(trigger)


def from_text(fields: dict[str, Any]) -> Trigger:
    """Return the trigger that `to_text` made the fields of."""
    definition = _definition(fields["definition"])
    return Trigger(**{**fields, "state": TriggerState(fields["state"]), "definition": definition})


def _values(definition: TriggerDefinition) -> dict[str, Any]:
    return {
        "type": definition.type,
        "workflow_name": definition.workflow_name,
        "definition": json.dumps(asdict(definition), ensure_ascii=False, separators=(",", ":")),
    }


def _set_jobs(tx: Transaction, key: int, definition: TriggerDefinition) -> None:
    parts = [("watched", condition.job_name) for condition in definition.conditions]
    parts += [("started", action.job_name) for action in definition.actions]
    for part, job_name in parts:
        tx.execute(INSERT_JOB, {"job_name": job_name, "part": part, "trigger_key": key})


def _from_row(row: sqlite3.Row) -> Trigger:
    return Trigger(
        trigger_key=row["trigger_key"],
        name=row["name"],
        state=TriggerState(row["state"]),
        definition=_definition(json.loads(row["definition"])),
        source=row["source"],
        active_since_ms=row["active_since_ms"],
        created_on_ms=row["created_on_ms"],
        last_modified_on_ms=row["last_modified_on_ms"],
    )


def _definition(fields: dict[str, Any]) -> TriggerDefinition:
    conditions = [Condition(job_name=one["job_name"], state=JobRunState(one["state"])) for one in fields["conditions"]]
    given = {**fields, "type": TriggerType(fields["type"]), "conditions": tuple(conditions)}
    return TriggerDefinition(**{**given, "actions": tuple(Action(**one) for one in fields["actions"])})

"""Workflows and their runs."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

from orchestrator.model import workflows as rules
from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.ids import BASE_BYTES
from orchestrator.model.records import Invocation
from orchestrator.model.triggers import Trigger
from orchestrator.model.workflows import Workflow, WorkflowDefinition, WorkflowRun, WorkflowRunStatus
from orchestrator.store import change_log
from orchestrator.store import triggers as trigger_rows
from orchestrator.store.database import Transaction

SELECT_BY_NAME: Final = "SELECT * FROM workflow WHERE name = :name"
SELECT_PAGE: Final = "SELECT * FROM workflow WHERE name > :after ORDER BY name LIMIT :limit"
INSERT: Final = """
INSERT INTO workflow (name, definition, created_on_ms, last_modified_on_ms) VALUES (:name, :definition, :at_ms, :at_ms)
"""
UPDATE: Final = """
UPDATE workflow SET definition = :definition, last_modified_on_ms = :at_ms WHERE workflow_key = :workflow_key
"""
DELETE: Final = "DELETE FROM workflow WHERE workflow_key = :workflow_key"
SELECT_RUN: Final = "SELECT * FROM workflow_run WHERE base_id = :base_id"
SELECT_RUN_OF_CHAIN: Final = "SELECT * FROM workflow_run WHERE chain_key = :chain_key"
SELECT_RUN_BY_INVOCATION: Final = """
SELECT base_id, invocation_request FROM workflow_run WHERE invocation_id = :invocation_id
"""
SELECT_RUN_PAGE: Final = """
SELECT * FROM workflow_run INDEXED BY workflow_run_by_name
WHERE workflow_name = :workflow_name AND chain_key < :before_key ORDER BY chain_key DESC LIMIT :limit
"""
SELECT_RUNS_BY_PREFIX: Final = """
SELECT * FROM workflow_run
WHERE base_id >= :lowest AND base_id <= :highest AND +workflow_name = :workflow_name ORDER BY base_id LIMIT :limit
"""
COUNT_LIVE: Final = """
SELECT count(*) FROM workflow_run INDEXED BY workflow_run_live
WHERE workflow_name = :workflow_name AND completed_on_ms IS NULL
"""
INSERT_RUN: Final = """
INSERT INTO workflow_run (
    chain_key, base_id, workflow_name, previous_base_id, status, properties, triggers, invocation_id,
    invocation_request, started_on_ms
) VALUES (
    :chain_key, :base_id, :workflow_name, :previous_base_id, 'RUNNING', :properties, :triggers, :invocation_id,
    :invocation_request, :at_ms
)
"""
UPDATE_STATUS: Final = """
UPDATE workflow_run SET status = :status, completed_on_ms = :completed_on_ms
WHERE chain_key = :chain_key AND status = :from_status
"""
UPDATE_PROPERTIES: Final = "UPDATE workflow_run SET properties = :properties WHERE chain_key = :chain_key"
_BEYOND_ALL: Final = 2**63 - 1
_HEX_DIGITS: Final = BASE_BYTES * 2


def find(tx: Transaction, name: str) -> Workflow | None:
    """Return the workflow of that name, or None."""
    row = tx.execute(SELECT_BY_NAME, {"name": name}).fetchone()
    return None if row is None else _workflow(row)


def get(tx: Transaction, name: str) -> Workflow:
    """Return the workflow of that name.

    Raises:
        EntityNotFoundError: there is none.
    """
    workflow = find(tx, name)
    if workflow is None:
        raise EntityNotFoundError.workflow(name)
    return workflow


def list_page(tx: Transaction, *, after: str, limit: int) -> list[Workflow]:
    """Return up to `limit` workflows in order of their names, behind the name `after`."""
    return [_workflow(row) for row in tx.execute(SELECT_PAGE, {"after": after, "limit": limit})]


def create(tx: Transaction, name: str, definition: WorkflowDefinition, *, at_ms: int) -> Workflow:
    """Make a workflow. The caller has seen that none of that name exists."""
    tx.execute(INSERT, {"name": name, "definition": json.dumps(asdict(definition)), "at_ms": at_ms})
    change_log.definition(tx)
    return get(tx, name)


def replace(tx: Transaction, workflow: Workflow, definition: WorkflowDefinition, *, at_ms: int) -> Workflow:
    """Give `workflow` another definition."""
    values = {"workflow_key": workflow.workflow_key, "definition": json.dumps(asdict(definition)), "at_ms": at_ms}
    tx.execute(UPDATE, values)
    change_log.definition(tx)
    return get(tx, workflow.name)


def delete(tx: Transaction, workflow: Workflow) -> None:
    """Delete `workflow`. Its runs stay, and those under way end as they will."""
    tx.execute(DELETE, {"workflow_key": workflow.workflow_key})
    change_log.definition(tx)


def get_run(tx: Transaction, workflow_name: str, run_id: str) -> WorkflowRun:
    """Return the run that `run_id` spells, if it is one of the workflow's.

    Raises:
        EntityNotFoundError: no such run, or it is another workflow's.
    """
    base = rules.parse_run_id(run_id)
    row = None if base is None else tx.execute(SELECT_RUN, {"base_id": base}).fetchone()
    if row is None or row["workflow_name"] != workflow_name:
        raise EntityNotFoundError.workflow_run(run_id, workflow_name)
    return _run(row)


def find_run_of_chain(tx: Transaction, chain_key: int) -> WorkflowRun | None:
    """Return the workflow run that a chain is, or None where it is none."""
    row = tx.execute(SELECT_RUN_OF_CHAIN, {"chain_key": chain_key}).fetchone()
    return None if row is None else _run(row)


def find_run_by_invocation(tx: Transaction, id_digest: bytes) -> tuple[bytes, bytes] | None:
    """Return the base of the run that a call made before under this id, and the digest of that call's request."""
    row = tx.execute(SELECT_RUN_BY_INVOCATION, {"invocation_id": id_digest}).fetchone()
    return None if row is None else (row["base_id"], row["invocation_request"])


def list_run_page(tx: Transaction, workflow_name: str, *, before_key: int | None, limit: int) -> list[WorkflowRun]:
    """Return up to `limit` runs of a workflow, newest first, older than the chain `before_key`."""
    bounds = {"workflow_name": workflow_name, "before_key": before_key or _BEYOND_ALL, "limit": limit}
    return [_run(row) for row in tx.execute(SELECT_RUN_PAGE, bounds)]


def find_runs_by_prefix(tx: Transaction, workflow_name: str, hex_prefix: str, *, limit: int) -> list[WorkflowRun]:
    """Return up to `limit` runs of a workflow whose base begins with these hexadecimal digits."""
    lowest, highest = hex_prefix.ljust(_HEX_DIGITS, "0"), hex_prefix.ljust(_HEX_DIGITS, "f")
    bounds = {"lowest": bytes.fromhex(lowest), "highest": bytes.fromhex(highest)}
    values = {**bounds, "workflow_name": workflow_name, "limit": limit}
    return [_run(row) for row in tx.execute(SELECT_RUNS_BY_PREFIX, values)]


def count_live(tx: Transaction, workflow_name: str) -> int:
    """Return how many runs of a workflow have not ended."""
    return int(tx.execute(COUNT_LIVE, {"workflow_name": workflow_name}).fetchone()[0])


def insert_run(
    tx: Transaction,
    *,
    chain_key: int,
    base_id: bytes,
    workflow_name: str,
    previous_base_id: bytes | None,
    properties: Mapping[str, str],
    triggers: Sequence[Trigger],
    invocation: Invocation | None,
    at_ms: int,
) -> WorkflowRun:
    """Store a new run, RUNNING, with the workflow's triggers as they are."""
    values = {
        "chain_key": chain_key,
        "base_id": base_id,
        "workflow_name": workflow_name,
        "previous_base_id": previous_base_id,
        "properties": json.dumps(dict(properties), ensure_ascii=False),
        "triggers": json.dumps([trigger_rows.to_text(trigger) for trigger in triggers], ensure_ascii=False),
        "invocation_id": invocation.id_digest if invocation else None,
        "invocation_request": invocation.request_digest if invocation else None,
        "at_ms": at_ms,
    }
    tx.execute(INSERT_RUN, values)
    change_log.definition(tx)
    return get_run(tx, workflow_name, rules.run_id(base_id))


def set_status(tx: Transaction, run: WorkflowRun, status: WorkflowRunStatus, *, at_ms: int) -> None:
    """Bring a run from the status that it was read in to `status`."""
    is_end = status not in (WorkflowRunStatus.RUNNING, WorkflowRunStatus.STOPPING)
    completed = max(at_ms, run.started_on_ms) if is_end else None
    values = {
        "chain_key": run.chain_key,
        "from_status": run.status,
        "status": status,
        "completed_on_ms": completed,
    }
    tx.execute(UPDATE_STATUS, values)
    change_log.definition(tx)


def set_properties(tx: Transaction, run: WorkflowRun, properties: Mapping[str, str]) -> None:
    """Give a run other properties."""
    values = {"chain_key": run.chain_key, "properties": json.dumps(dict(properties), ensure_ascii=False)}
    tx.execute(UPDATE_PROPERTIES, values)
    change_log.definition(tx)


def _workflow(row: sqlite3.Row) -> Workflow:
    return Workflow(
        workflow_key=row["workflow_key"],
        name=row["name"],
        definition=WorkflowDefinition(**json.loads(row["definition"])),
        created_on_ms=row["created_on_ms"],
        last_modified_on_ms=row["last_modified_on_ms"],
    )


def _run(row: sqlite3.Row) -> WorkflowRun:
    return WorkflowRun(
        chain_key=row["chain_key"],
        base_id=row["base_id"],
        workflow_name=row["workflow_name"],
        previous_base_id=row["previous_base_id"],
        status=WorkflowRunStatus(row["status"]),
        properties=json.loads(row["properties"]),
        triggers=[trigger_rows.from_text(fields) for fields in json.loads(row["triggers"])],
        error_message=row["error_message"],
        started_on_ms=row["started_on_ms"],
        completed_on_ms=row["completed_on_ms"],
    )

"""Jobs and their definitions."""

import json
import sqlite3
from dataclasses import asdict
from functools import lru_cache
from typing import Any, Final

from orchestrator.model import definitions
from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.records import CapacityRequest, Command, Job, JobDefinition
from orchestrator.store import change_log
from orchestrator.store.database import Transaction

_JOB: Final = """
SELECT j.job_key, j.version_key, j.name, v.definition, j.source, j.created_on_ms, j.last_modified_on_ms
FROM job AS j JOIN job_version AS v ON v.version_key = j.version_key
"""
SELECT_BY_NAME: Final = _JOB + "WHERE j.name = :name"
SELECT_LATEST: Final = """
SELECT j.job_key, v.version_key, j.name, v.definition, j.source, j.created_on_ms, j.last_modified_on_ms
FROM job AS j JOIN job_version AS v ON v.version_key = coalesce(
    j.version_key, (SELECT max(o.version_key) FROM job_version AS o WHERE o.job_key = j.job_key))
WHERE j.name = :name
"""
SELECT_PAGE: Final = _JOB + "WHERE j.name > :after ORDER BY j.name LIMIT :limit"
SELECT_SOURCED: Final = _JOB + "WHERE j.source IS NOT NULL ORDER BY j.name"
SELECT_KEY: Final = "SELECT job_key FROM job WHERE name = :name"
SELECT_DEFINITION: Final = "SELECT definition FROM job_version WHERE version_key = :version_key"
SELECT_CREATED_ON: Final = "SELECT created_on_ms FROM job WHERE job_key = :job_key"
SELECT_INCARNATION: Final = """
SELECT j.version_key IS NOT NULL AND j.incarnation = v.incarnation AS is_current
FROM job_version AS v JOIN job AS j ON j.job_key = v.job_key WHERE v.version_key = :version_key
"""
INSERT_JOB: Final = """
INSERT INTO job (name, source, created_on_ms, last_modified_on_ms) VALUES (:name, :source, :at_ms, :at_ms)
ON CONFLICT (name) DO UPDATE
SET source = :source, created_on_ms = :at_ms, last_modified_on_ms = :at_ms, incarnation = incarnation + 1
WHERE version_key IS NULL
RETURNING job_key
"""
INSERT_VERSION: Final = """
INSERT INTO job_version (job_key, incarnation, command_name, glue_version, definition, created_on_ms)
SELECT job_key, incarnation, :command_name, :glue_version, :definition, :at_ms FROM job WHERE job_key = :job_key
RETURNING version_key
"""
UPDATE_VERSION: Final = """
UPDATE job SET version_key = :version_key, source = :source, last_modified_on_ms = :at_ms WHERE job_key = :job_key
"""
UPDATE_DELETED: Final = (
    "UPDATE job SET version_key = NULL, source = NULL, last_modified_on_ms = :at_ms WHERE job_key = :job_key"
)


def find(tx: Transaction, name: str) -> Job | None:
    """Return the job of that name, or None."""
    row = tx.execute(SELECT_BY_NAME, {"name": name}).fetchone()
    return None if row is None else _from_row(row)


def get(tx: Transaction, name: str) -> Job:
    """Return the job of that name.

    Raises:
        EntityNotFoundError: there is none.
    """
    job = find(tx, name)
    if job is None:
        raise EntityNotFoundError.job(name)
    return job


def find_latest(tx: Transaction, name: str) -> Job | None:
    """Return the job of that name, or, if it is deleted, as it was last; None if there never was one."""
    row = tx.execute(SELECT_LATEST, {"name": name}).fetchone()
    return None if row is None else _from_row(row)


def find_key(tx: Transaction, name: str) -> int | None:
    """Return the key of the name, also of a deleted job; None if there never was such a job."""
    row = tx.execute(SELECT_KEY, {"name": name}).fetchone()
    return None if row is None else int(row["job_key"])


def list_page(tx: Transaction, *, after: str, limit: int) -> list[Job]:
    """Return up to `limit` jobs in order of their names, behind the name `after`."""
    return [_from_row(row) for row in tx.execute(SELECT_PAGE, {"after": after, "limit": limit})]


def list_sourced(tx: Transaction) -> list[Job]:
    """Return the jobs that files define."""
    return [_from_row(row) for row in tx.execute(SELECT_SOURCED)]


def definition(tx: Transaction, version_key: int) -> JobDefinition:
    """Return a definition, the current one of its job or an earlier one."""
    row = tx.execute(SELECT_DEFINITION, {"version_key": version_key}).fetchone()
    return _definition(row["definition"])


def created_on_ms(tx: Transaction, job_key: int) -> int:
    """Return when the job was created, the last time if it was deleted in between."""
    return int(tx.execute(SELECT_CREATED_ON, {"job_key": job_key}).fetchone()["created_on_ms"])


def is_current(tx: Transaction, version_key: int) -> bool:
    """Say whether the job that this definition belonged to still exists, not deleted and not re-created since."""
    row = tx.execute(SELECT_INCARNATION, {"version_key": version_key}).fetchone()
    return bool(row["is_current"])


def create(tx: Transaction, name: str, definition: JobDefinition, *, source: str | None, at_ms: int) -> Job:
    """Make a job. The caller has seen that none of that name exists."""
    row = tx.execute(INSERT_JOB, {"name": name, "source": source, "at_ms": at_ms}).fetchone()
    return _set_definition(tx, row["job_key"], name, definition, source=source, at_ms=at_ms)


def replace(tx: Transaction, job: Job, definition: JobDefinition, *, source: str | None, at_ms: int) -> Job:
    """Give `job` another definition; runs accepted before keep theirs."""
    return _set_definition(tx, job.job_key, job.name, definition, source=source, at_ms=at_ms)


def delete(tx: Transaction, job: Job, *, at_ms: int) -> None:
    """Delete `job`. Its runs and their history stay."""
    tx.execute(UPDATE_DELETED, {"job_key": job.job_key, "at_ms": at_ms})
    change_log.definition(tx)


def _set_definition(
    tx: Transaction, job_key: int, name: str, definition: JobDefinition, *, source: str | None, at_ms: int
) -> Job:
    values = {
        "job_key": job_key,
        "command_name": definition.command.name,
        "glue_version": definitions.glue_version(definition),
        "definition": json.dumps(asdict(definition), ensure_ascii=False, separators=(",", ":")),
        "at_ms": at_ms,
    }
    row = tx.execute(INSERT_VERSION, values).fetchone()
    tx.execute(
        UPDATE_VERSION, {"version_key": row["version_key"], "job_key": job_key, "source": source, "at_ms": at_ms}
    )
    change_log.definition(tx)
    return get(tx, name)


def _from_row(row: sqlite3.Row) -> Job:
    return Job(
        job_key=row["job_key"],
        version_key=row["version_key"],
        name=row["name"],
        definition=_definition(row["definition"]),
        source=row["source"],
        created_on_ms=row["created_on_ms"],
        last_modified_on_ms=row["last_modified_on_ms"],
    )


@lru_cache(maxsize=256)  # by its text, which no later one changes: whatever a transaction rolls back, this stays true
def _definition(text: str) -> JobDefinition:
    fields: dict[str, Any] = json.loads(text)
    return JobDefinition(
        **{
            **fields,
            "command": Command(**fields["command"]),
            "capacity": CapacityRequest(**fields["capacity"]),
        }
    )

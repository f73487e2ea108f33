"""Runs as the log API lists them: by the order of acceptance, by id, or in the order in which they began to write.

That order is the one of their first launches: a run that waits has no place in it, and none comes in later.
"""

import sqlite3
from typing import Final

from orchestrator.model.ids import BASE_BYTES, JobRunId
from orchestrator.model.log_streams import LoggedRun
from orchestrator.store.database import Transaction

_RUN: Final = """
SELECT r.seq, r.base_id, r.attempt, r.started_on_ms, r.launched_on_ms, r.completed_on_ms, r.launch_seq, v.command_name
FROM job_run AS r CROSS JOIN job_version AS v ON v.version_key = r.version_key
"""
SELECT_LOGGED_RUN: Final = _RUN + "WHERE r.base_id = :base_id AND r.attempt = :attempt"
SELECT_LOGGED_RUN_BY_SEQ: Final = _RUN + "WHERE r.seq = :seq"
SELECT_OLDER: Final = _RUN + "WHERE r.seq < :seq ORDER BY r.seq DESC LIMIT :limit"
SELECT_NEWER: Final = _RUN + "WHERE r.seq > :seq ORDER BY r.seq LIMIT :limit"
SELECT_WRITING_SINCE: Final = (
    _RUN.replace("job_run AS r", "job_run AS r INDEXED BY job_run_by_launch")
    + """
WHERE r.launch_seq > :after_seq AND r.launch_seq <= :upto_seq
    AND (r.completed_on_ms IS NULL OR r.completed_on_ms >= :since_ms) AND r.started_on_ms <= :until_ms
ORDER BY r.launch_seq LIMIT :limit
"""
)
SELECT_NAMED_BEHIND: Final = (
    _RUN
    + """
WHERE (r.base_id, r.attempt) > (:base_id, :attempt) AND r.base_id <= :highest ORDER BY r.base_id, r.attempt LIMIT :limit
"""
)
SELECT_NAMED_BEFORE: Final = (
    _RUN
    + """
WHERE (r.base_id, r.attempt) < (:base_id, :attempt) AND r.base_id >= :lowest
ORDER BY r.base_id DESC, r.attempt DESC LIMIT :limit
"""
)
SELECT_HIGHEST_LAUNCH: Final = "SELECT max(launch_seq) FROM job_run WHERE launch_seq IS NOT NULL"
BEYOND_ALL: Final = 2**63 - 1
_HEX_DIGITS: Final = BASE_BYTES * 2


def find(tx: Transaction, run_id: JobRunId) -> LoggedRun | None:
    """Return the run, or None where there is none of that id."""
    row = tx.execute(SELECT_LOGGED_RUN, {"base_id": run_id.base, "attempt": run_id.attempt}).fetchone()
    return None if row is None else _from_row(row)


def find_by_seq(tx: Transaction, seq: int) -> LoggedRun | None:
    """Return the run of that number, or None where there is none."""
    row = tx.execute(SELECT_LOGGED_RUN_BY_SEQ, {"seq": seq}).fetchone()
    return None if row is None else _from_row(row)


def highest_launch(tx: Transaction) -> int:
    """Return the number of the last of all launches; 0 where there is none."""
    return int(tx.execute(SELECT_HIGHEST_LAUNCH).fetchone()[0] or 0)


def list_writing(
    tx: Transaction, *, after_seq: int, upto_seq: int, since_ms: int, until_ms: int, limit: int
) -> list[LoggedRun]:
    """Return up to `limit` runs that may have written between two times, in the order of their launches."""
    bounds = {"after_seq": after_seq, "upto_seq": upto_seq, "since_ms": since_ms, "until_ms": until_ms, "limit": limit}
    return [_from_row(row) for row in tx.execute(SELECT_WRITING_SINCE, bounds)]


def list_by_age(tx: Transaction, *, from_seq: int | None, is_newest_first: bool, limit: int) -> list[LoggedRun]:
    """Return up to `limit` runs in the order of their acceptance, behind the run `from_seq`."""
    if is_newest_first:
        rows = tx.execute(SELECT_OLDER, {"seq": from_seq or BEYOND_ALL, "limit": limit})
    else:
        rows = tx.execute(SELECT_NEWER, {"seq": from_seq or 0, "limit": limit})
    return [_from_row(row) for row in rows]


def list_by_name(
    tx: Transaction, hex_prefix: str, *, behind: JobRunId | None, is_descending: bool, limit: int
) -> list[LoggedRun]:
    """Return up to `limit` runs whose ids' digits begin with `hex_prefix`, in the order of their ids, behind one."""
    lowest = bytes.fromhex(hex_prefix.ljust(_HEX_DIGITS, "0"))
    highest = bytes.fromhex(hex_prefix.ljust(_HEX_DIGITS, "f"))
    begin = JobRunId(highest, BEYOND_ALL) if is_descending else JobRunId(lowest, -1)
    start = behind or begin
    values = {"base_id": start.base, "attempt": start.attempt, "lowest": lowest, "highest": highest, "limit": limit}
    statement = SELECT_NAMED_BEFORE if is_descending else SELECT_NAMED_BEHIND
    return [_from_row(row) for row in tx.execute(statement, values)]


def _from_row(row: sqlite3.Row) -> LoggedRun:
    return LoggedRun(
        seq=row["seq"],
        id=JobRunId(row["base_id"], row["attempt"]),
        command_name=row["command_name"],
        started_on_ms=row["started_on_ms"],
        launched_on_ms=row["launched_on_ms"],
        completed_on_ms=row["completed_on_ms"],
        launch_seq=row["launch_seq"],
    )

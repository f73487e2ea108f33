"""Bookmarks and their history: every version is a row, the highest is the current one."""

import sqlite3
from typing import Final

from orchestrator.model.ids import JobRunId
from orchestrator.model.records import BookmarkCause, BookmarkEntry, BookmarkVersion
from orchestrator.store import change_log
from orchestrator.store.database import Transaction

SELECT_CURRENT: Final = "SELECT * FROM bookmark WHERE job_key = :job_key ORDER BY version DESC LIMIT 1"
SELECT_OF_RUN: Final = """
SELECT * FROM bookmark WHERE job_key = :job_key AND run_id = :run_id AND cause = 'commit' ORDER BY version DESC LIMIT 1
"""
SELECT_AS_OF: Final = """
SELECT * FROM bookmark WHERE job_key = :job_key AND cause = 'commit' AND run_seq <= :run_seq ORDER BY version DESC LIMIT 1
"""
SELECT_NEWEST: Final = "SELECT * FROM bookmark WHERE job_key = :job_key ORDER BY version DESC LIMIT :limit"
INSERT: Final = """
INSERT INTO bookmark (job_key, version, run, attempt, bookmark, run_id, previous_run_id, run_seq, cause, at_ms)
VALUES (:job_key, :version, :run, :attempt, :bookmark, :run_id, :previous_run_id, :run_seq, :cause, :at_ms)
"""
DELETE_OF_JOB: Final = "DELETE FROM bookmark WHERE job_key = :job_key"


def find(tx: Transaction, job_key: int) -> BookmarkEntry | None:
    """Return the job's current entry, or None if it never committed one."""
    return _from_row(tx.execute(SELECT_CURRENT, {"job_key": job_key}).fetchone())


def find_of_run(tx: Transaction, job_key: int, run_id: JobRunId) -> BookmarkEntry | None:
    """Return what `run_id` committed, or None."""
    return _from_row(tx.execute(SELECT_OF_RUN, {"job_key": job_key, "run_id": str(run_id)}).fetchone())


def find_as_of(tx: Transaction, job_key: int, run_seq: int) -> BookmarkEntry | None:
    """Return the last commit by the run with this `seq` or an earlier one, or None."""
    return _from_row(tx.execute(SELECT_AS_OF, {"job_key": job_key, "run_seq": run_seq}).fetchone())


def list_newest(tx: Transaction, job_key: int, *, limit: int) -> list[BookmarkVersion]:
    """Return up to `limit` versions, the current one first."""
    return [
        BookmarkVersion(entry=_entry(row), cause=row["cause"], at_ms=row["at_ms"])
        for row in tx.execute(SELECT_NEWEST, {"job_key": job_key, "limit": limit})
    ]


def append(tx: Transaction, entry: BookmarkEntry, *, cause: BookmarkCause, run_seq: int | None, at_ms: int) -> None:
    """Make `entry` the current one. Its version is one above the current, or the table refuses it."""
    values = {
        "job_key": entry.job_key,
        "version": entry.version,
        "run": entry.run,
        "attempt": entry.attempt,
        "bookmark": entry.bookmark,
        "run_id": entry.run_id,
        "previous_run_id": entry.previous_run_id,
        "run_seq": run_seq,
        "cause": cause,
        "at_ms": at_ms,
    }
    tx.execute(INSERT, values)
    change_log.definition(tx)


def delete(tx: Transaction, job_key: int) -> None:
    """Forget the bookmark and its history."""
    tx.execute(DELETE_OF_JOB, {"job_key": job_key})
    change_log.definition(tx)


def _from_row(row: sqlite3.Row | None) -> BookmarkEntry | None:
    return None if row is None else _entry(row)


def _entry(row: sqlite3.Row) -> BookmarkEntry:
    return BookmarkEntry(
        job_key=row["job_key"],
        version=row["version"],
        run=row["run"],
        attempt=row["attempt"],
        bookmark=row["bookmark"],
        run_id=row["run_id"],
        previous_run_id=row["previous_run_id"],
    )

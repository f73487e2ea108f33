"""Putting a backup in the place of the database, for the one who holds the state directory.

Every step can be cut off: the place is empty then, or the old database is still in it. A daemon refuses to start on an
empty one, and the whole can be done again.
"""

import os
import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from orchestrator.model.errors import EntityNotFoundError, StoreError
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import JobRun
from orchestrator.reach import reach
from orchestrator.store import job_runs, migration
from orchestrator.store.backup import Copy, look_through, make_durable, opened_to_read, translated
from orchestrator.store.state_directory import StateDirectory

_READY: Final = ".restoring"
_BESIDE: Final = ("", "-wal", "-shm")
_PRAGMAS: Final = ("PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON")
_MANY: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Runs:
    """What a database that nobody writes to knows of runs."""

    connection: sqlite3.Connection

    @classmethod
    def of(cls, path: Path) -> Self:
        """Open it; to be closed.

        Raises:
            StoreError: it is no database of ours.
        """
        with translated(path):
            connection = opened_to_read(path)
            try:
                connection.row_factory = sqlite3.Row
                migration.schema_of(connection)
            except BaseException:
                connection.close()
                raise
        return cls(connection)

    def live(self) -> Sequence[JobRun]:
        """Return the runs that have not ended."""
        return job_runs.list_live(self.connection, after_seq=0)

    def to_retry(self) -> Sequence[JobRunId]:
        """Return the ids of the attempts that are to come."""
        return [run.id.retry(run.id.attempt + 1) for run in job_runs.list_retry_due(self.connection, limit=_MANY)]

    def find(self, run_id: JobRunId) -> JobRun | None:
        """Return a run; None where it is not known."""
        try:
            return job_runs.get_by_id(self.connection, run_id)
        except EntityNotFoundError:
            return None

    def close(self) -> None:
        """Close the database."""
        self.connection.close()


def lay_ready(directory: StateDirectory, source: Path) -> Copy:
    """Copy a backup beside the database, check the copy, and bring its schema up to date.

    Raises:
        StoreRefusedError: it is not ours, newer than this program, or damaged. Nothing was changed.
        StoreError: it cannot be read, or the disk does not take it.
    """
    ready = _ready(directory)
    with translated(source, written=directory.path):
        for suffix in _BESIDE:
            Path(f"{ready}{suffix}").unlink(missing_ok=True)
        os.close(os.open(ready, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        try:
            with closing(opened_to_read(source)) as backup, closing(sqlite3.connect(ready)) as copy:
                backup.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE").fetchall()
            looked_through = look_through(ready, called=source)
            with closing(sqlite3.connect(ready, isolation_level=None)) as copy:
                migration.prepare(copy, _PRAGMAS)
        except BaseException:
            with suppress(OSError):
                ready.unlink()
            raise
        make_durable(ready)
    return looked_through


def install(directory: StateDirectory, copy: Copy, stamp: str) -> Path | None:
    """Put the copy in the database's place; return where the replaced one is kept, if there was one.

    Its log goes with it: SQLite would take it for the copy's.
    """
    kept = Path(f"{directory.database}.before-restore-{stamp}")
    is_replaced = directory.database.exists()
    with translated(directory.database):
        for suffix in _BESIDE:
            with suppress(FileNotFoundError):
                Path(f"{directory.database}{suffix}").rename(f"{kept}{suffix}")
            reach("restore.moved")
        make_durable(directory.path)
        copy.path.rename(directory.database)
        reach("restore.renamed")
        make_durable(directory.path)
    return kept if is_replaced else None


def replaced_runs(directory: StateDirectory) -> Runs | None:
    """Open the database that is about to be replaced; None where it cannot be read, or is not there."""
    try:
        return Runs.of(directory.database)
    except StoreError:
        return None


def leftovers(directory: StateDirectory) -> list[Path]:
    """Return what a restore left that was cut off before its copy was put in place."""
    return sorted(directory.path.glob(f"{_ready(directory).name}*"))


def _ready(directory: StateDirectory) -> Path:
    return Path(f"{directory.database}{_READY}")

"""Numbered SQL files that bring a database from any released schema to today's, each in one transaction.

`PRAGMA user_version` is the number of the last one. A released file is never edited.
"""

import re
import sqlite3
from collections.abc import Iterable
from importlib import resources
from typing import Final

from orchestrator.model.errors import StoreError, StoreRefusedError
from orchestrator.reach import reach

APPLICATION_ID: Final = 0x476C7565  # "Glue"
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_FILE_NAME: Final = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


def migrations() -> list[tuple[int, str]]:
    """Return the migrations as (number, SQL), in order."""
    files = [
        path for path in (resources.files("orchestrator.store") / "migrations").iterdir() if path.name.endswith(".sql")
    ]
    found = []
    for path in files:
        match = _FILE_NAME.fullmatch(path.name)
        if match is not None:
            found.append((int(match[1]), path.read_text(encoding="utf-8")))
    return sorted(found)


def prepare(connection: sqlite3.Connection, pragmas: Iterable[str]) -> None:
    """Set `pragmas` and apply what is missing.

    Raises:
        StoreRefusedError: the file is no database of ours, or newer than this code. Nothing was changed.
        StoreError: it cannot be read now (a full disk, say).
    """
    try:
        application_id = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode & 0xFF in _DAMAGED:
            message = f"the state database is damaged: {error}; restore it from a backup"
            raise StoreRefusedError(message) from error
        message = f"the state database cannot be read now: {error}; look at the disk's room and health"
        raise StoreError(message) from error
    if not is_empty and application_id != APPLICATION_ID:
        message = "the state database was not made by this program"
        raise StoreRefusedError(message)
    newest = migrations()[-1][0]
    if version > newest:
        message = (
            f"the state database has schema {version}, newer than the {newest} of this program; install a newer program"
        )
        raise StoreRefusedError(message)
    for pragma in pragmas:
        connection.execute(pragma)
    for number, sql in migrations():
        if number > version:
            _apply(connection, number, sql)


def _apply(connection: sqlite3.Connection, number: int, sql: str) -> None:
    reach("migrate.begun")
    marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {number};"
    try:
        connection.executescript(f"BEGIN IMMEDIATE; {sql} {marks} COMMIT;")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    reach("migrate.committed")

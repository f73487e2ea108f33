"""Numbered SQL files that bring a database from any released schema to today's, each in one transaction.

`PRAGMA user_version` is the number of the last one. A released file is never edited.
"""

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import resources
from typing import Final

from orchestrator.model.errors import StoreDamagedError, StoreError, StoreRefusedError
from orchestrator.reach import reach
from orchestrator.store.work import DAMAGED, primary_code

APPLICATION_ID: Final = 0x476C7565  # "Glue"
_OUR_MISTAKES: Final = frozenset({sqlite3.SQLITE_ERROR, sqlite3.SQLITE_CONSTRAINT})
_DATABASE: Final = "the state database"
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
        StoreRefusedError: the file is no database of ours, damaged, or newer than this code. Nothing was changed.
        StoreError: it cannot be read now (a full disk, say).
    """
    with _understood():
        version = _schema(connection, _DATABASE, is_new_fine=True)
        if connection.execute("PRAGMA page_count").fetchone()[0] == 0:
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # only a new file takes it: room.py
        for pragma in pragmas:
            connection.execute(pragma)
        for number, sql in migrations():
            if number > version:
                _apply(connection, number, sql)


def schema_of(connection: sqlite3.Connection, *, called: str = _DATABASE) -> int:
    """Return the number of the last migration of a database of ours; what is wrong with it is told of `called`.

    Raises:
        StoreRefusedError: the file is no database of ours, damaged, or newer than this code.
        StoreError: it cannot be read now.
    """
    with _understood():
        return _schema(connection, called, is_new_fine=False)


@contextmanager
def _understood() -> Iterator[None]:
    """Turn what SQLite says into our errors."""
    try:
        yield
    except sqlite3.Error as error:
        code = primary_code(error)
        if code in _OUR_MISTAKES:
            raise
        if code in DAMAGED:
            raise StoreDamagedError(str(error)) from error
        if code == sqlite3.SQLITE_READONLY:
            message = f"the state database cannot be written: {error}"
            raise StoreRefusedError(message) from error
        message = f"the state database cannot be read now: {error}; look at the disk's room and health"
        raise StoreError(message) from error


def _schema(connection: sqlite3.Connection, called: str, *, is_new_fine: bool) -> int:
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    is_empty = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if application_id != APPLICATION_ID and not (is_empty and is_new_fine):
        message = f"{called} was not made by this program"
        raise StoreRefusedError(message)
    if not is_empty and version < 1:
        message = f"it has tables, and {version} for the number of its schema"
        raise StoreDamagedError(message)
    newest = migrations()[-1][0]
    if version > newest:
        message = f"{called} has schema {version}, newer than the {newest} of this program; install a newer program"
        raise StoreRefusedError(message)
    return version


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

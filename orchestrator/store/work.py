"""One function that waits for the writer, and how it is run beside others under one commit."""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from orchestrator.model.errors import (
    OperationTimeoutError,
    StoreBrokenError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
)

Transaction = sqlite3.Connection
"""What a function handed to `write` or `read` may execute statements on. It never begins, commits or rolls back."""

TRANSIENT: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_STORE_TROUBLE: Final = (
    TRANSIENT
    | DAMAGED
    | {
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_PROTOCOL,
        sqlite3.SQLITE_READONLY,
    }
)


@dataclass(eq=False, slots=True)
class Work:
    """One function that waits for the writer."""

    name: str
    run: Callable[[Transaction], Any]
    is_short: bool
    done: asyncio.Future[None]
    result: Any = None
    error: BaseException | None = None
    _fate: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """Decide the work's fate: True for the first who asks, be it who begins it or the caller who withdraws it."""
        return self._fate.acquire(blocking=False)

    def expire(self, timeout_s: float) -> None:
        """Withdraw it, unless it has begun: then its outcome is near, and its caller's to know."""
        if self.take():
            self.error = OperationTimeoutError(timeout_s)
            self.finish()

    def finish(self) -> None:
        """Wake up the caller, who may have gone."""
        if not self.done.done():
            self.done.set_result(None)

    def outcome(self) -> Any:
        """Return what came of it.

        Raises:
            BaseException: what it raised, or what became of its batch.
        """
        if self.error is not None:
            raise self.error
        return self.result


def run_one(connection: Transaction, item: Work, *, is_alone: bool) -> None:
    """Run one work of a batch. One that is alone has the transaction for itself, and needs no savepoint."""
    if not is_alone:
        connection.execute("SAVEPOINT work")
    try:
        item.result = item.run(connection)
    except Exception as error:
        if primary_code(error) in _STORE_TROUBLE:
            raise  # the batch fails as a whole: its transaction may be gone
        item.error = error  # whatever it is, it belongs to this caller alone
    if is_alone:
        return
    if item.error is not None:
        connection.execute("ROLLBACK TO work")
    connection.execute("RELEASE work")


def failure_of(error: sqlite3.Error) -> StoreError:
    """Return what an error of the database means for those who wait for it."""
    code = primary_code(error)
    if code == sqlite3.SQLITE_FULL:
        return StoreFullError(f"the store is full: {error}")
    if code in TRANSIENT:
        return StoreError(f"the store is busy: {error}")
    if code in DAMAGED:
        return StoreDamagedError(str(error))
    return StoreBrokenError(f"the store failed: {error}")


def primary_code(error: BaseException) -> int:
    """Return SQLite's primary result code, 0 for what is not its error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF

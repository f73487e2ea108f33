"""One SQLite file, one writer task with group commit, one read-only reader.

A caller hands `write` a synchronous function of a transaction and gets its result when it is on disk. The functions
that wait together run whole on the connection's own thread, a savepoint each, under one commit. Nobody is answered
before COMMIT has returned.
"""

import asyncio
import math
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import aiosqlite
import anyio
import structlog
from anyio.abc import TaskStatus

from orchestrator.model.errors import OperationTimeoutError, StoreBrokenError, StoreError, StoreFullError
from orchestrator.reach import reach
from orchestrator.store import migration

log = structlog.stdlib.get_logger()

Transaction = sqlite3.Connection
"""What a function handed to `write` or `read` may execute statements on. It never begins, commits or rolls back."""

MAX_BATCH: Final = 256
GATHER_STEPS: Final = 4
_T = TypeVar("_T")

_WRITER_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a run we said yes to survives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA mmap_size = 0",
)
_READER_PRAGMAS: Final = (
    "PRAGMA query_only = ON",
    "PRAGMA busy_timeout = 5000",
    "PRAGMA wal_autocheckpoint = 0",  # only the writer may move the log into the database
)
_TRANSIENT: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
_STORE_TROUBLE: Final = _TRANSIENT | {
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_READONLY,
}


@dataclass(eq=False, slots=True)
class _Work:
    """One function that waits for the writer."""

    name: str
    run: Callable[[Transaction], Any]
    done: asyncio.Event = field(default_factory=asyncio.Event)
    result: Any = None
    error: BaseException | None = None
    _fate: threading.Lock = field(default_factory=threading.Lock)

    def take(self) -> bool:
        """Decide the work's fate: True for the first who asks, be it the thread to begin it or the caller to withdraw it."""
        return self._fate.acquire(blocking=False)

    def expire(self, timeout_s: float) -> None:
        """Withdraw it, unless it has begun: then its outcome is near, and its caller's to know."""
        if self.take():
            self.error = OperationTimeoutError(timeout_s)
            self.done.set()

    def outcome(self) -> Any:
        if self.error is not None:
            raise self.error
        return self.result


class Database:
    """The store's front door. Made by `open_database`."""

    def __init__(
        self, writer: aiosqlite.Connection, reader: aiosqlite.Connection, *, operation_timeout_s: float
    ) -> None:
        """Take over two open connections."""
        self._writer = writer
        self._reader = reader
        self._operation_timeout_s = operation_timeout_s
        self._inbox, self._outbox = anyio.create_memory_object_stream[_Work](math.inf)
        self._broken: StoreError | None = None
        self._is_closing = False

    async def write(self, name: str, work: Callable[[Transaction], _T], *, is_patient: bool = False) -> _T:
        """Run `work` in a transaction and return its result. It is on disk when this returns.

        `name` names the write in crash tests. An exception of `work` undoes what it did, and only that, and is raised
        here. A cancelled caller leaves either the whole effect or none. `is_patient` waits as long as it takes, for
        writes that are not a client's.

        Raises:
            OperationTimeoutError: the work had not begun in time; it is withdrawn and nothing is stored.
            StoreFullError: nothing is stored; the same work may succeed later.
            StoreBrokenError: whether it is stored is unknown; the daemon is about to end.
        """
        if self._broken is not None:
            raise self._broken
        item = _Work(name, work)
        self._inbox.send_nowait(item)
        timeout_s, timer = self._operation_timeout_s, None
        if not is_patient:  # a timer of the loop costs a tenth of a cancel scope
            timer = asyncio.get_running_loop().call_later(timeout_s, item.expire, timeout_s)
        try:
            await item.done.wait()
        except BaseException:
            item.take()  # nobody waits any more: not begun is not wanted
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return item.outcome()  # type: ignore[no-any-return]

    async def read(self, work: Callable[[Transaction], _T]) -> _T:
        """Run `work` on one consistent, read-only view of what is committed."""

        def run() -> _T:
            connection = self._reader._conn  # noqa: SLF001 - see pyproject: the version is pinned
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("ROLLBACK")

        return await self._reader._execute(run)  # type: ignore[no-any-return, no-untyped-call]  # noqa: SLF001

    async def serve(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Be the one writer until `close`; then finish what waits.

        Raises:
            StoreBrokenError: what is on disk is unknown, or the database is damaged. The daemon must end.
        """
        task_status.started()
        async with self._outbox:
            is_busy = False
            async for first in self._outbox:
                batch = await self._gather(first, idle_steps=GATHER_STEPS if is_busy else 0)
                await self._commit(batch)
                is_busy = len(batch) > 1

    async def _gather(self, first: _Work, *, idle_steps: int) -> list[_Work]:
        """Return what waits, and what comes until the loop has gone `idle_steps` times round without more.

        Those that were just answered call again at once. A batch begun before they have would make each wait for the
        other's commit, and its thread would contend with their calls for the interpreter, statement by statement.
        """
        batch = [first]
        left = idle_steps
        while True:
            while len(batch) < MAX_BATCH and self._outbox.statistics().current_buffer_used:
                batch.append(self._outbox.receive_nowait())
                left = idle_steps
            if not left or len(batch) == MAX_BATCH:
                return batch
            left -= 1
            await asyncio.sleep(0)

    def close(self) -> None:
        """Take no more work; `serve` returns when the rest is done."""
        self._is_closing = True
        self._inbox.close()

    async def _commit(self, batch: Sequence[_Work]) -> None:
        try:
            with anyio.CancelScope(shield=True):  # a transaction that has begun is ended by its thread, not by us
                while not await self._writer._execute(self._run_batch, batch):  # type: ignore[no-untyped-call]  # noqa: SLF001
                    log.warning("store_is_locked", waiting=len(batch))  # callers withdraw in their own time
        except sqlite3.Error as error:
            failure = _failure(error)
            if isinstance(failure, StoreBrokenError):
                self._broken = failure
            for item in batch:
                item.error = failure
            if self._broken is not None:
                raise self._broken from error
        except BaseException as error:  # whatever it was, nobody may take the silence for a commit
            self._broken = StoreBrokenError(f"the store failed: {error!r}")
            for item in batch:
                item.error = self._broken
            raise
        finally:
            for item in batch:
                item.done.set()

    def _run_batch(self, batch: Sequence[_Work]) -> bool:
        """Run on the connection's thread: one transaction, a savepoint for each work, one commit.

        Returns False, with nothing begun, while another program holds the database's lock.
        """
        connection = self._writer._conn  # noqa: SLF001
        begun = []
        try:
            if not self._begin(connection):
                return False
            for item in batch:
                if item.take():
                    begun.append(item)
                    reach(f"{item.name}.begun")
                    _run_one(connection, item, is_alone=len(batch) == 1)
            for item in begun:
                reach(f"{item.name}.uncommitted")
            is_undone = len(batch) == 1 and any(item.error is not None for item in begun)
            connection.execute("ROLLBACK" if is_undone else "COMMIT")
        except BaseException:
            if connection.in_transaction:  # a full disk may have ended it already
                connection.execute("ROLLBACK")
            raise
        for item in begun:
            reach(f"{item.name}.committed")
        return True

    def _begin(self, connection: sqlite3.Connection) -> bool:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if _code(error) in _TRANSIENT and not self._is_closing:
                return False
            raise
        return True


def _run_one(connection: sqlite3.Connection, item: _Work, *, is_alone: bool) -> None:
    """Run one work of a batch. One that is alone has the transaction for itself, and needs no savepoint."""
    if not is_alone:
        connection.execute("SAVEPOINT work")
    try:
        item.result = item.run(connection)
    except Exception as error:
        if _code(error) in _STORE_TROUBLE:
            raise  # the batch fails as a whole: its transaction may be gone
        item.error = error  # whatever it is, it belongs to this caller alone
    if is_alone:
        return
    if item.error is not None:
        connection.execute("ROLLBACK TO work")
    connection.execute("RELEASE work")


def _code(error: BaseException) -> int:
    """Return SQLite's primary result code, 0 for what is not its error."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _failure(error: sqlite3.Error) -> StoreError:
    code = _code(error)
    if code == sqlite3.SQLITE_FULL:
        return StoreFullError(f"the store is full: {error}")
    if code in _TRANSIENT:
        return StoreError(f"the store is busy: {error}")
    return StoreBrokenError(f"the store failed: {error}")


@asynccontextmanager
async def open_database(path: Path, *, operation_timeout_s: float) -> AsyncIterator[Database]:
    """Open the database at `path` (absolute), bring its schema up to date and lend it; closed on leaving.

    The lender runs `Database.serve` in a task of its own.

    Raises:
        StoreRefusedError: the file is not ours, or its schema is newer than this code.
    """
    async with aiosqlite.connect(path, isolation_level=None) as writer:
        writer.row_factory = sqlite3.Row
        await writer._execute(migration.prepare, writer._conn, _WRITER_PRAGMAS)  # type: ignore[no-untyped-call]  # noqa: SLF001
        async with aiosqlite.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None) as reader:
            reader.row_factory = sqlite3.Row
            for pragma in _READER_PRAGMAS:
                await reader.execute(pragma)
            yield Database(writer, reader, operation_timeout_s=operation_timeout_s)

"""One SQLite file, one writer task with group commit, read-only readers.

A caller hands `write` a synchronous function of a transaction and gets its result when it is on disk. The functions
that wait together run whole, a savepoint each, under one commit. Nobody is answered before COMMIT has returned.

Short transactions run in the event loop's own thread while the disk is quick (pace.py), for there the hand-over to
another thread costs more than they do. All others run on a connection's thread, and the loop goes on meanwhile.
"""

import asyncio
import math
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from time import monotonic
from typing import Final, TypeVar

import aiosqlite
import anyio
import structlog
from anyio.abc import TaskStatus

from orchestrator.model.errors import StoreBrokenError, StoreError
from orchestrator.reach import reach
from orchestrator.store import migration, wal
from orchestrator.store.pace import Pace
from orchestrator.store.work import DAMAGED, TRANSIENT, Transaction, Work, failure_of, primary_code, run_one

__all__ = ["Database", "Transaction", "open_database"]

log = structlog.stdlib.get_logger()

MAX_BATCH: Final = 256
MAX_SHORT_BATCH: Final = 32
GATHER_STEPS: Final = 4
QUICK_S: Final = 0.002
_T = TypeVar("_T")

_WRITER_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a run we said yes to survives a power cut
    "PRAGMA foreign_keys = ON",
    "PRAGMA busy_timeout = 5000",  # while the schema is brought up to date
    "PRAGMA wal_autocheckpoint = 4000",
    "PRAGMA journal_size_limit = 67108864",
    "PRAGMA mmap_size = 0",
)
_READER_PRAGMAS: Final = (
    "PRAGMA query_only = ON",
    "PRAGMA wal_autocheckpoint = 0",  # only the writer may move the log into the database
)
_BROKEN: Final = DAMAGED | {sqlite3.SQLITE_IOERR}
_WAIT_FOR_LOCK: Final = "PRAGMA busy_timeout = 5000"
_NEVER_WAIT: Final = "PRAGMA busy_timeout = 0"  # a lock of another program is waited for on a thread, never in the loop


def _nobody_times(spent_s: float) -> None:
    """Let it go."""


def _nobody_listens() -> None:
    """Let it go."""


class Database:
    """The store's front door. Made by `open_database`."""

    def __init__(
        self,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
        near_reader: sqlite3.Connection,
        *,
        operation_timeout_s: float,
        quick_s: float,
    ) -> None:
        """Take over three open connections; `near_reader` is for the event loop's thread."""
        self._writer = writer
        self._reader = reader
        self._near_reader = near_reader
        self._operation_timeout_s = operation_timeout_s
        self.on_commit: Callable[[], None] = _nobody_listens
        """Called in the event loop's thread after each batch of writes."""
        self.on_flush: Callable[[float], None] = _nobody_times
        """Called, in any thread, with the seconds that each commit took which had something to store."""
        self._flushed_at: float | None = None
        self._commits = Pace(quick_s)
        self._statements = Pace(quick_s)  # those of one short work or look
        self._waiting: deque[Work] = deque()
        self._arrived = asyncio.Event()
        self._broken: StoreError | None = None
        self._is_closing = False

    @property
    def unproved_s(self) -> float:
        """How long ago the disk has taken a commit of ours; infinite before the first."""
        return math.inf if self._flushed_at is None else monotonic() - self._flushed_at

    async def write(
        self, name: str, work: Callable[[Transaction], _T], *, is_patient: bool = False, is_short: bool = False
    ) -> _T:
        """Run `work` in a transaction and return its result. It is on disk when this returns.

        `name` names the write in crash tests. An exception of `work` undoes what it did, and only that, and is raised
        here. A cancelled caller leaves either the whole effect or none. `is_patient` waits as long as it takes, for
        writes that are not a client's. `is_short` says that it touches a few rows, whatever is stored.

        Raises:
            OperationTimeoutError: the work had not begun in time; it is withdrawn and nothing is stored.
            StoreFullError: nothing is stored; the same work may succeed later.
            StoreBrokenError: whether it is stored is unknown; the daemon is about to end.
        """
        if self._broken is not None:
            raise self._broken
        if self._is_closing:
            raise anyio.ClosedResourceError
        loop = asyncio.get_running_loop()
        item = Work(name, work, is_short, loop.create_future())
        self._waiting.append(item)
        self._arrived.set()
        timeout_s, timer = self._operation_timeout_s, None
        if not is_patient:  # a timer of the loop costs a tenth of a cancel scope
            timer = loop.call_later(timeout_s, item.expire, timeout_s)
        try:
            await item.done
        except BaseException:
            item.take()  # nobody waits any more: not begun is not wanted
            raise
        finally:
            if timer is not None:
                timer.cancel()
        return item.outcome()  # type: ignore[no-any-return]

    async def read(self, work: Callable[[Transaction], _T], *, is_short: bool = False) -> _T:
        """Run `work` on one consistent, read-only view of what is committed.

        `is_short` says that it looks up a few rows by their keys.

        Raises:
            StoreBrokenError: the disk or the database failed; the daemon is about to end.
        """
        try:
            return await self._read(work, is_short=is_short)
        except sqlite3.Error as error:
            if primary_code(error) not in _BROKEN:
                raise
            self._broken = failure_of(error)
            self._arrived.set()
            raise self._broken from error

    async def _read(self, work: Callable[[Transaction], _T], *, is_short: bool) -> _T:
        if is_short and self._statements.is_quick:
            try:
                return self._look(self._near_reader, work, is_short=True)
            except sqlite3.OperationalError as error:
                if primary_code(error) not in TRANSIENT:
                    raise
        return await self._reader._execute(lambda: self._look(self._reader._conn, work, is_short=is_short))  # type: ignore[no-any-return, no-untyped-call]  # noqa: SLF001 - see pyproject: the version is pinned

    async def serve(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Be the one writer until `close`; then finish what waits.

        Raises:
            StoreBrokenError: what is on disk is unknown, or the database is damaged. The daemon must end.
        """
        task_status.started()
        is_busy = False
        try:
            while self._waiting or not self._is_closing:
                if self._broken is not None:  # by what a read met
                    raise self._broken
                if self._waiting:
                    batch = await self._gather(idle_steps=GATHER_STEPS if is_busy else 0)
                    await self._commit(batch)
                    is_busy = len(batch) > 1
                else:
                    self._arrived.clear()
                    await self._arrived.wait()
        finally:
            self._is_closing = True  # nobody shall wait for a writer that is gone

    async def _gather(self, *, idle_steps: int) -> list[Work]:
        """Return what waits, and what comes until the loop has gone `idle_steps` times round without more.

        Those that were just answered call again at once. A batch begun before they have would make each wait for the
        other's commit, and its thread would contend with their calls for the interpreter, statement by statement.
        """
        batch: list[Work] = []
        left = idle_steps
        while True:
            while self._waiting and len(batch) < MAX_BATCH:
                batch.append(self._waiting.popleft())
                left = idle_steps
            if not left or len(batch) == MAX_BATCH:
                return batch
            left -= 1
            await asyncio.sleep(0)

    def close(self) -> None:
        """Take no more work; `serve` returns when the rest is done."""
        self._is_closing = True
        self._arrived.set()

    async def _commit(self, batch: Sequence[Work]) -> None:
        try:
            is_done = self._is_short(batch) and self._run_batch(batch, may_wait=False)
            with anyio.CancelScope(shield=True):  # a transaction that has begun is ended by its thread, not by us
                while not is_done:
                    is_done = await self._writer._execute(lambda: self._run_batch(batch, may_wait=True))  # type: ignore[no-untyped-call]  # noqa: SLF001
                    if not is_done:
                        log.warning("store_is_locked", waiting=len(batch))  # callers withdraw in their own time
        except sqlite3.Error as error:
            failure = failure_of(error)
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
                item.finish()
        self.on_commit()

    def _is_short(self, batch: Sequence[Work]) -> bool:
        is_quick = self._commits.is_quick and self._statements.is_quick
        return is_quick and len(batch) <= MAX_SHORT_BATCH and all(item.is_short for item in batch)

    def _run_batch(self, batch: Sequence[Work], *, may_wait: bool) -> bool:
        """Run one transaction: a savepoint for each work, one commit.

        Returns False, with nothing begun, while another program holds the database's lock.
        """
        connection = self._writer._conn  # noqa: SLF001
        changes, begun = connection.total_changes, []
        try:
            if not self._begin(connection, may_wait=may_wait):
                return False
            for item in batch:
                if item.take():
                    begun.append(item)
                    reach(f"{item.name}.begun")
                    self._run_one(connection, item, is_alone=len(batch) == 1)
            for item in begun:
                reach(f"{item.name}.uncommitted")
            is_undone = len(batch) == 1 and any(item.error is not None for item in begun)
            if is_undone:
                connection.execute("ROLLBACK")
            else:
                self._commit_now(connection, is_empty=connection.total_changes == changes)
        except BaseException:
            if connection.in_transaction:  # a full disk may have ended it already
                connection.execute("ROLLBACK")
            raise
        for item in begun:
            reach(f"{item.name}.committed")
        return True

    def _begin(self, connection: sqlite3.Connection, *, may_wait: bool) -> bool:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if primary_code(error) not in TRANSIENT:
                raise
            return may_wait and self._begin_patiently(connection)
        return True

    def _begin_patiently(self, connection: sqlite3.Connection) -> bool:
        connection.execute(_WAIT_FOR_LOCK)
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if primary_code(error) in TRANSIENT and not self._is_closing:
                return False
            raise
        finally:
            connection.execute(_NEVER_WAIT)
        return True

    def _run_one(self, connection: sqlite3.Connection, item: Work, *, is_alone: bool) -> None:
        began_s = monotonic()
        run_one(connection, item, is_alone=is_alone)
        if item.is_short:
            self._statements = self._statements.after(monotonic() - began_s)

    def _commit_now(self, connection: sqlite3.Connection, *, is_empty: bool) -> None:
        began_s = monotonic()
        connection.execute("COMMIT")
        if not is_empty:  # that says nothing of the disk
            self._flushed_at = monotonic()
            self._commits = self._commits.after(self._flushed_at - began_s)
            self.on_flush(self._flushed_at - began_s)

    def _look(self, connection: sqlite3.Connection, work: Callable[[Transaction], _T], *, is_short: bool) -> _T:
        began_s = monotonic()
        connection.execute("BEGIN")
        try:
            return work(connection)
        finally:
            connection.execute("ROLLBACK")
            if is_short:
                self._statements = self._statements.after(monotonic() - began_s)


@asynccontextmanager
async def open_database(
    path: Path,
    *,
    operation_timeout_s: float,
    quick_s: float = QUICK_S,
) -> AsyncIterator[Database]:
    """Open the database at `path` (absolute), bring its schema up to date and lend it; closed on leaving.

    The lender runs `Database.serve` in a task of its own. Where commits usually take less than `quick_s`, and so do the
    statements of a short transaction, it runs in the event loop's thread.

    Raises:
        StoreRefusedError: the file is not ours, damaged, or its schema is newer than this code.
    """
    await asyncio.to_thread(wal.check, path)
    async with aiosqlite.connect(path, isolation_level=None, check_same_thread=False) as writer:
        writer.row_factory = sqlite3.Row
        await writer._execute(migration.prepare, writer._conn, _WRITER_PRAGMAS)  # type: ignore[no-untyped-call]  # noqa: SLF001
        await writer.execute(_NEVER_WAIT)
        only_to_read = f"{path.as_uri()}?mode=ro"
        async with aiosqlite.connect(only_to_read, uri=True, isolation_level=None) as reader:
            reader.row_factory = sqlite3.Row
            for pragma in (*_READER_PRAGMAS, _WAIT_FOR_LOCK):
                await reader.execute(pragma)
            with closing(sqlite3.connect(only_to_read, uri=True, isolation_level=None, timeout=0)) as near_reader:
                near_reader.row_factory = sqlite3.Row
                for pragma in _READER_PRAGMAS:
                    near_reader.execute(pragma)
                yield Database(
                    writer,
                    reader,
                    near_reader,
                    operation_timeout_s=operation_timeout_s,
                    quick_s=quick_s,
                )

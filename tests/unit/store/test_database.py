"""What a write's caller is told is true: stored means on disk, an error means not there, and nobody's trouble is another's.

One connection writes, many callers share its commits. These tests hold that sharing costs nobody anything.
"""

import inspect
import itertools
import math
import sqlite3
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path
from typing import Any, Final

import aiosqlite
import anyio
import pytest
from anyio.lowlevel import checkpoint

from orchestrator.model.errors import (
    OperationTimeoutError,
    StoreBrokenError,
    StoreError,
    StoreFullError,
    StoreRefusedError,
)
from orchestrator.store import database as module
from orchestrator.store.database import Database, Transaction, open_database

SCRATCH: Final = "CREATE TABLE IF NOT EXISTS scratch (a INTEGER PRIMARY KEY, b TEXT) STRICT"
WITHIN_S: Final = 20
NEVER_QUICK_S: Final = 0.0
ALWAYS_QUICK_S: Final = 1000.0


@asynccontextmanager
async def serving(
    path: Path, *, operation_timeout_s: float = 10, quick_s: float = NEVER_QUICK_S
) -> AsyncIterator[Database]:
    """Lend a database whose writer works: by default in a thread, however quick the disk is."""
    with anyio.fail_after(WITHIN_S):
        async with (
            open_database(path, operation_timeout_s=operation_timeout_s, quick_s=quick_s) as database,
            anyio.create_task_group() as tasks,
        ):
            await tasks.start(database.serve)
            await database.write("scratch", lambda tx: tx.execute(SCRATCH).close(), is_patient=True)
            yield database
            database.close()


def add(number: int) -> Callable[[Transaction], int]:
    def work(tx: Transaction) -> int:
        tx.execute("INSERT INTO scratch (a) VALUES (?)", (number,))
        return number

    return work


def stored(path: Path) -> set[int]:
    """Return what is committed, as another process would see it."""
    connection = sqlite3.connect(path)
    try:
        return {row[0] for row in connection.execute("SELECT a FROM scratch")}
    finally:
        connection.close()


@contextmanager
def busy_thread(database: Database) -> Iterator[None]:
    """Keep the writer's thread from doing anything until this is left."""
    go, begun = threading.Event(), threading.Event()

    def stand() -> None:
        begun.set()
        go.wait(WITHIN_S)

    database._writer._tx.put_nowait((None, stand))
    assert begun.wait(WITHIN_S)
    try:
        yield
    finally:
        go.set()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


@pytest.fixture(params=[NEVER_QUICK_S, ALWAYS_QUICK_S], ids=["on a thread", "in the loop"])
def quick_s(request: pytest.FixtureRequest) -> float:
    """What is a quick commit: so that short transactions run on a thread, or in the event loop's."""
    return float(request.param)


async def test_a_result_is_given_back_when_it_is_on_disk(path: Path, quick_s: float) -> None:
    async with serving(path, quick_s=quick_s) as database:
        assert await database.write("add", add(1), is_short=True) == 1
        assert stored(path) == {1}


async def test_callers_that_wait_together_share_one_commit(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    points: list[str] = []
    monkeypatch.setattr(module, "reach", points.append)
    async with serving(path) as database:
        points.clear()
        async with anyio.create_task_group() as tasks:
            with busy_thread(database):
                tasks.start_soon(database.write, "first", add(0))
                await until_waiting(database, 0)
                for number in range(1, 6):
                    tasks.start_soon(database.write, f"w{number}", add(number))
                await until_waiting(database, 5)
        assert stored(path) == set(range(6))
    commits = "".join(
        "C" if point.endswith(".committed") else "b" for point in points if not point.endswith(".uncommitted")
    )
    assert commits == "bC" + "b" * 5 + "C" * 5


async def until_waiting(database: Database, count: int) -> None:
    """Wait until `count` works stand in the inbox and the writer's task is at its first."""
    while len(database._waiting) != count or database._writer._tx.qsize() != 1:
        await checkpoint()


async def test_nobody_is_answered_before_the_commit(
    path: Path, monkeypatch: pytest.MonkeyPatch, quick_s: float
) -> None:
    seen: list[set[int]] = []

    def look(point: str) -> None:
        if point == "watched.uncommitted":
            seen.append(stored(path))

    monkeypatch.setattr(module, "reach", look)
    async with serving(path, quick_s=quick_s) as database:
        await database.write("watched", add(1), is_short=True)
        seen.append(stored(path))
    assert seen == [set(), {1}]


async def test_a_refusal_undoes_its_own_work_and_no_others(path: Path, quick_s: float) -> None:
    def refuse(tx: Transaction) -> None:
        add(2)(tx)
        raise LookupError("no")

    async with serving(path, quick_s=quick_s) as database:
        outcomes = await together(database, [add(1), refuse, add(3)])
        assert [type(outcome) for outcome in outcomes] == [int, LookupError, int]
        assert stored(path) == {1, 3}


async def test_a_broken_constraint_is_its_own_callers(path: Path, quick_s: float) -> None:
    async with serving(path, quick_s=quick_s) as database:
        outcomes = await together(database, [add(1), add(1), add(2)])
        assert [type(outcome) for outcome in outcomes] == [int, sqlite3.IntegrityError, int]
        assert stored(path) == {1, 2}


@contextmanager
def counted_batches() -> Iterator[list[int]]:
    """Count how many works each transaction has, while this lasts."""
    sizes: list[int] = []
    run_batch = Database._run_batch

    def counted(self: Database, batch: Any, *, may_wait: bool) -> bool:
        sizes.append(len(batch))
        return run_batch(self, batch, may_wait=may_wait)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "_run_batch", counted)
        yield sizes


async def together(database: Database, works: list[Callable[[Transaction], Any]]) -> list[Any]:
    """Return the outcomes of works that share a batch."""
    outcomes: list[Any] = [None] * len(works)

    async def one(number: int) -> None:
        try:
            outcomes[number] = await database.write("shared", works[number], is_short=True)
        except Exception as error:  # noqa: BLE001 - the outcome is what is asked for
            outcomes[number] = error

    with counted_batches() as sizes:
        async with anyio.create_task_group() as tasks:
            for number in range(len(works)):
                tasks.start_soon(one, number)
    assert sizes == [len(works)]
    return outcomes


async def test_a_full_disk_fails_its_whole_batch_and_stores_nothing(path: Path, quick_s: float) -> None:
    async with serving(path, quick_s=quick_s) as database:
        await limit_pages(database, extra=3)
        outcomes = await together(database, [add(1), fill, add(2)])
        assert {type(outcome) for outcome in outcomes} == {StoreFullError}
        assert stored(path) == set()


async def test_the_store_works_again_when_there_is_room_again(path: Path, quick_s: float) -> None:
    async with serving(path, quick_s=quick_s) as database:
        await limit_pages(database, extra=3)
        with pytest.raises(StoreFullError, match="the store is full"):
            await database.write("fill", fill, is_short=True)
        await limit_pages(database, extra=100_000)
        await database.write("fill", fill, is_short=True)
        assert stored(path) == {1_000_000}


def fill(tx: Transaction) -> None:
    tx.execute("INSERT INTO scratch VALUES (1000000, ?)", ("x" * 200_000,))


async def limit_pages(database: Database, *, extra: int) -> None:
    """Set how many pages the file may have, beside those it has. Not transactional, so not by `write`."""

    def limit() -> None:
        pages = database._writer._conn.execute("PRAGMA page_count").fetchone()[0]
        database._writer._conn.execute(f"PRAGMA max_page_count = {pages + extra}")

    await database._writer._execute(limit)  # type: ignore[no-untyped-call]


async def test_a_damaged_database_ends_the_writer_and_all_that_is_written_after(path: Path, quick_s: float) -> None:
    def damage(tx: Transaction) -> None:
        error = sqlite3.DatabaseError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR_WRITE
        raise error

    with anyio.fail_after(WITHIN_S):
        async with open_database(path, operation_timeout_s=10, quick_s=quick_s) as database:
            with pytest.raises(ExceptionGroup) as ended:  # noqa: PT012 - it is raised where the group ends
                async with anyio.create_task_group() as tasks:
                    await tasks.start(database.serve)
                    with pytest.raises(StoreBrokenError, match="the store failed: disk I/O error"):
                        await database.write("damage", damage, is_short=True)
            assert ended.group_contains(StoreBrokenError)
            with pytest.raises(StoreBrokenError):
                await database.write("later", add(1))
            database.close()


async def test_a_busy_database_fails_the_batch_and_ends_nothing(path: Path, quick_s: float) -> None:
    def meet(tx: Transaction) -> None:
        error = sqlite3.OperationalError("database is locked")
        error.sqlite_errorcode = sqlite3.SQLITE_BUSY
        raise error

    async with serving(path, quick_s=quick_s) as database:
        with pytest.raises(StoreError, match="the store is busy"):
            await database.write("meet", meet, is_short=True)
        assert await database.write("add", add(1), is_short=True) == 1


@contextmanager
def locked_by_another(path: Path) -> Iterator[None]:
    """Hold the database's lock as another program does (a backup, somebody's shell)."""
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN IMMEDIATE")
        yield
    finally:
        other.close()


@pytest.fixture
def brief(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the writer look again after moments instead of seconds."""
    monkeypatch.setattr(module, "_WAIT_FOR_LOCK", "PRAGMA busy_timeout = 10")


@pytest.mark.usefixtures("brief")
async def test_a_lock_that_another_program_holds_is_waited_out(path: Path, quick_s: float) -> None:
    async with serving(path, operation_timeout_s=0.05, quick_s=quick_s) as database:
        async with anyio.create_task_group() as tasks:
            with locked_by_another(path):
                tasks.start_soon(lambda: database.write("patient", add(1), is_patient=True, is_short=True))
                with pytest.raises(OperationTimeoutError):
                    await database.write("client", add(2), is_short=True)
                assert stored(path) == set()
        assert stored(path) == {1}


@pytest.mark.usefixtures("brief")
async def test_a_lock_that_another_program_holds_does_not_hold_up_the_end(path: Path, quick_s: float) -> None:
    with anyio.fail_after(WITHIN_S):
        async with (
            open_database(path, operation_timeout_s=10, quick_s=quick_s) as database,
            anyio.create_task_group() as tasks,
        ):
            await tasks.start(database.serve)
            with locked_by_another(path):
                async with anyio.create_task_group() as callers:
                    callers.start_soon(refused_as_busy, database)
                    await checkpoint()
                    database.close()


async def refused_as_busy(database: Database) -> None:
    with pytest.raises(StoreError, match="the store is busy"):
        await database.write("late", lambda tx: None, is_patient=True, is_short=True)


async def test_a_statement_that_is_wrong_is_its_callers_alone(path: Path, quick_s: float) -> None:
    async with serving(path, quick_s=quick_s) as database:
        outcomes = await together(database, [add(1), lambda tx: tx.execute("SELECT nothing"), add(2)])
        assert [type(outcome) for outcome in outcomes] == [int, sqlite3.OperationalError, int]
        assert stored(path) == {1, 2}


async def test_a_batch_that_ends_without_a_word_is_nobodys_success(path: Path, quick_s: float) -> None:
    class Interruption(BaseException):
        """Neither the store's error nor a caller's."""

    def interrupt(tx: Transaction) -> None:
        raise Interruption

    with anyio.fail_after(WITHIN_S):
        async with open_database(path, operation_timeout_s=10, quick_s=quick_s) as database:
            with pytest.raises(BaseExceptionGroup) as ended:  # noqa: PT012 - it is raised where the group ends
                async with anyio.create_task_group() as tasks:
                    await tasks.start(database.serve)
                    with pytest.raises(StoreBrokenError):
                        await database.write("interrupt", interrupt, is_short=True)
            assert ended.group_contains(Interruption)
            database.close()


async def test_a_caller_that_goes_before_its_work_began_leaves_nothing(path: Path) -> None:
    async with serving(path) as database:
        async with anyio.create_task_group() as tasks:
            with busy_thread(database):
                tasks.start_soon(database.write, "first", add(0))
                await until_waiting(database, 0)
                with anyio.CancelScope() as scope:
                    async with anyio.create_task_group() as inner:
                        inner.start_soon(database.write, "gone", add(1))
                        await until_waiting(database, 1)
                        scope.cancel()
                tasks.start_soon(database.write, "stays", add(2))
                await until_waiting(database, 2)
        assert stored(path) == {0, 2}


async def test_a_caller_that_goes_after_its_work_began_leaves_the_whole(path: Path) -> None:
    begun, go = threading.Event(), threading.Event()

    def slow(tx: Transaction) -> None:
        add(1)(tx)
        begun.set()
        go.wait(WITHIN_S)
        add(2)(tx)

    async with serving(path) as database:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(database.write, "gone", slow)
            while not begun.is_set():
                await checkpoint()
            tasks.cancel_scope.cancel()
        go.set()
        assert await database.write("next", add(3)) == 3
        assert stored(path) == {1, 2, 3}


@pytest.mark.parametrize("ticks", range(12))
async def test_a_caller_may_go_at_any_moment_and_no_transaction_stays_open(
    path: Path, ticks: int, quick_s: float
) -> None:
    """Cancelled after each number of turns of the loop: it is all there or not at all, and 400 writes work after it."""

    def pair(tx: Transaction) -> None:
        add(1)(tx)
        add(2)(tx)

    async with serving(path, quick_s=quick_s) as database:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(lambda: database.write("gone", pair, is_short=True))
            for _ in range(ticks):
                await checkpoint()
            tasks.cancel_scope.cancel()
        async with anyio.create_task_group() as tasks:
            for number in range(100, 500):
                tasks.start_soon(database.write, "later", add(number))
        assert not await database._writer._execute(lambda: database._writer._conn.in_transaction)  # type: ignore[no-untyped-call]
        assert stored(path) - set(range(100, 500)) in (set(), {1, 2})


async def test_a_work_that_does_not_begin_in_time_is_withdrawn(path: Path) -> None:
    async with serving(path, operation_timeout_s=0.05) as database:
        async with anyio.create_task_group() as tasks:
            with busy_thread(database):
                tasks.start_soon(lambda: database.write("first", add(0), is_patient=True))
                await until_waiting(database, 0)
                with pytest.raises(
                    OperationTimeoutError, match=r"did not begin within 0\.05 seconds and was withdrawn"
                ):
                    await database.write("late", add(1))
        await database.write("next", add(2), is_patient=True)
        assert stored(path) == {0, 2}


async def test_a_work_that_has_begun_in_time_is_waited_for(path: Path) -> None:
    begun = threading.Event()

    def slow(tx: Transaction) -> int:
        begun.set()
        threading.Event().wait(3)
        return add(1)(tx)

    async with serving(path, operation_timeout_s=2) as database:
        assert await database.write("slow", slow) == 1
        assert begun.is_set()


async def test_who_is_patient_waits_as_long_as_it_takes(path: Path) -> None:
    async with serving(path, operation_timeout_s=0.01) as database:
        async with anyio.create_task_group() as tasks:
            with busy_thread(database):
                tasks.start_soon(lambda: database.write("patient", add(1), is_patient=True, is_short=True))
                with anyio.move_on_after(0.1):
                    await anyio.sleep_forever()
                assert stored(path) == set()
        assert stored(path) == {1}


async def test_a_reader_sees_what_is_committed_and_cannot_write(path: Path) -> None:
    async with serving(path) as database:
        await database.write("add", add(1), is_short=True)
        assert await database.read(lambda tx: tx.execute("SELECT count(*) FROM scratch").fetchone()[0]) == 1
        for statement in ("INSERT INTO scratch (a) VALUES (9)", "DROP TABLE scratch", "PRAGMA user_version = 99"):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await database.read(methodcaller("execute", statement))
        assert stored(path) == {1}


async def test_a_read_is_one_view_however_much_is_written_meanwhile(path: Path) -> None:
    def look_twice(tx: Transaction) -> list[int]:
        first = tx.execute("SELECT count(*) FROM scratch").fetchone()[0]
        connection = sqlite3.connect(path)
        connection.execute("INSERT INTO scratch (a) VALUES (9)")
        connection.commit()
        connection.close()
        return [first, tx.execute("SELECT count(*) FROM scratch").fetchone()[0]]

    async with serving(path) as database:
        assert await database.read(look_twice) == [0, 0]
        assert await database.read(lambda tx: tx.execute("SELECT count(*) FROM scratch").fetchone()[0]) == 1


async def test_a_read_that_fails_leaves_no_view_open(path: Path) -> None:
    async with serving(path) as database:
        with pytest.raises(ValueError, match="not in list"):
            await database.read(lambda tx: ["y"].index("x"))
        await database.write("add", add(1), is_short=True)
        assert await database.read(lambda tx: tx.execute("SELECT count(*) FROM scratch").fetchone()[0]) == 1


async def test_closing_finishes_what_waits(path: Path, quick_s: float) -> None:
    outcomes: list[int] = []

    async def write(database: Database, number: int) -> None:
        outcomes.append(await database.write("add", add(number), is_short=True))

    async with serving(path, quick_s=quick_s) as database, anyio.create_task_group() as tasks:
        for number in range(20):
            tasks.start_soon(write, database, number)
        await checkpoint()
    assert sorted(outcomes) == list(range(20))
    with pytest.raises(anyio.ClosedResourceError):
        await database.write("late", add(99))
    assert stored(path) == set(range(20))


async def test_a_database_is_durable_before_it_is_fast(path: Path, quick_s: float) -> None:
    async with serving(path, quick_s=quick_s) as database:

        def pragmas(tx: Transaction) -> list[Any]:
            names = ("journal_mode", "synchronous", "foreign_keys")
            return [tx.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

        assert await database.write("look", pragmas, is_short=True) == ["wal", 2, 1]


async def test_a_file_that_is_not_ours_is_refused_and_its_connection_closed(path: Path) -> None:
    path.write_text("no database" * 500)  # noqa: ASYNC240 - nothing else goes on
    with pytest.raises(StoreRefusedError):
        async with open_database(path, operation_timeout_s=1):
            pass


async def test_the_pinned_aiosqlite_runs_a_function_whole_on_its_own_thread(path: Path) -> None:
    """`Connection._execute` is private: this is all that we ask of it."""
    assert list(inspect.signature(aiosqlite.Connection._execute).parameters)[:2] == ["self", "fn"]
    async with aiosqlite.connect(path) as connection:
        threads = {await connection._execute(threading.get_ident) for _ in range(2)}  # type: ignore[no-untyped-call]
        assert len(threads) == 1
        assert threading.get_ident() not in threads
        assert isinstance(connection._conn, sqlite3.Connection)
        with pytest.raises(LookupError):
            await connection._execute({}.__getitem__, "x")  # type: ignore[no-untyped-call]


async def test_who_calls_again_as_soon_as_it_is_answered_shares_its_commits(path: Path, quick_s: float) -> None:
    """The pauses are those that a call takes on its way in: a few steps of the loop, not the same for each."""

    async def call_on(caller: int) -> None:
        for number in range(10):
            for _ in range(caller % 4):
                await checkpoint()
            await database.write("add", add(caller * 10 + number), is_short=True)

    async with serving(path, quick_s=quick_s) as database:
        with counted_batches() as sizes:
            async with anyio.create_task_group() as tasks:
                for caller in range(8):
                    tasks.start_soon(call_on, caller)
    assert len(stored(path)) == sum(sizes) == 80
    assert len(sizes) <= 12


def thread_of(threads: list[int]) -> Callable[[Transaction], None]:
    return lambda tx: threads.append(threading.get_ident())


async def test_on_a_quick_disk_short_transactions_have_no_thread_of_their_own(path: Path) -> None:
    async with serving(path, quick_s=ALWAYS_QUICK_S) as database:
        threads: list[int] = []
        await database.write("short", thread_of(threads), is_short=True)
        await database.read(thread_of(threads), is_short=True)
        assert set(threads) == {threading.get_ident()}
        threads.clear()
        await database.write("long", thread_of(threads))
        await database.read(thread_of(threads))
        assert threading.get_ident() not in threads
        assert len(threads) == 2


async def test_a_long_work_takes_those_that_share_its_commit_to_its_thread(path: Path) -> None:
    threads: list[int] = []
    async with serving(path, quick_s=ALWAYS_QUICK_S) as database, anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: database.write("short", thread_of(threads), is_short=True))
        tasks.start_soon(database.write, "long", thread_of(threads))
    assert len(threads) == 2
    assert threading.get_ident() not in threads


async def test_many_at_once_are_long_together(path: Path) -> None:
    threads: list[int] = []
    async with serving(path, quick_s=ALWAYS_QUICK_S) as database, anyio.create_task_group() as tasks:
        for _ in range(module.MAX_SHORT_BATCH + 1):
            tasks.start_soon(lambda: database.write("w", thread_of(threads), is_short=True))
    assert len(threads) == module.MAX_SHORT_BATCH + 1
    assert threading.get_ident() not in threads


@dataclass
class Clock:
    """Stands still between two looks, unless it is told what takes time: a commit, a write's statements, a look's."""

    slow: str = ""
    now_s: float = 0.0

    def __call__(self) -> float:
        code = sys._getframe(1).f_code.co_name
        self.now_s += {"_commit_now": "commit", "_run_one": "write", "_look": "look"}[code] == self.slow
        return self.now_s


@pytest.mark.parametrize(
    ("slow", "are_in_the_loop"), [("commit", (False, True)), ("write", (False, False)), ("look", (False, False))]
)
async def test_what_turns_out_slow_moves_to_a_thread_and_back_when_it_is_quick_again(
    path: Path, monkeypatch: pytest.MonkeyPatch, slow: str, are_in_the_loop: tuple[bool, bool]
) -> None:
    """A slow flush keeps only writes from the loop; slow statements, by pages that are not in memory, both."""
    clock, numbers = Clock(), itertools.count()

    async def look() -> tuple[bool, bool]:
        threads: list[int] = []

        def work(tx: Transaction) -> None:
            add(next(numbers))(tx)
            thread_of(threads)(tx)

        await database.write("w", work, is_short=True)
        await database.read(thread_of(threads), is_short=True)
        return threads[0] == threading.get_ident(), threads[1] == threading.get_ident()

    monkeypatch.setattr(module, "monotonic", clock)
    async with serving(path, quick_s=0.001) as database:
        assert await look() == (True, True)
        clock.slow = slow
        await look()
        assert await look() == are_in_the_loop
        clock.slow = ""
        for _ in range(1000):
            if all(await look()):
                return
    pytest.fail("it stays on the thread")


async def test_a_commit_of_nothing_says_nothing_of_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(slow="commit")
    monkeypatch.setattr(module, "monotonic", clock)
    async with serving(path, quick_s=0.001) as database:
        await database.write("add", add(1), is_short=True)
        clock.slow = ""
        for _ in range(200):
            await database.write("nothing", lambda tx: None, is_short=True)
        threads: list[int] = []
        await database.write("look", thread_of(threads), is_short=True)
        assert threading.get_ident() not in threads


@pytest.mark.usefixtures("brief")
async def test_the_loop_never_waits_for_a_lock_of_another_program(path: Path) -> None:
    def patience(tx: Transaction) -> tuple[int, int]:
        return tx.execute("PRAGMA busy_timeout").fetchone()[0], threading.get_ident()

    here = (0, threading.get_ident())
    async with serving(path, quick_s=ALWAYS_QUICK_S) as database:
        assert await database.write("look", patience, is_short=True) == here
        async with anyio.create_task_group() as tasks:
            with locked_by_another(path), counted_batches() as sizes:
                tasks.start_soon(lambda: database.write("w", add(1), is_patient=True, is_short=True))
                while len(sizes) < 3:  # in the loop, and then on the thread, which has waited once
                    await checkpoint()
        assert await database.write("look", patience, is_short=True) == here
        assert await database.read(patience, is_short=True) == here
        assert stored(path) == {1}


async def test_a_short_look_while_another_program_holds_the_whole_database_is_had_on_the_thread(path: Path) -> None:
    def refuse(tx: Transaction) -> None:
        if threading.get_ident() == in_the_loop:
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = sqlite3.SQLITE_BUSY
            raise error

    in_the_loop = threading.get_ident()
    async with serving(path, quick_s=ALWAYS_QUICK_S) as database:
        await database.read(refuse, is_short=True)
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await database.read(methodcaller("execute", "SELECT * FROM missing"), is_short=True)
        await database.write("add", add(1))
        assert (
            await database.read(lambda tx: tx.execute("SELECT count(*) FROM scratch").fetchone()[0], is_short=True) == 1
        )


async def test_a_short_look_sees_what_is_committed_and_cannot_write(path: Path) -> None:
    async with serving(path, quick_s=ALWAYS_QUICK_S) as database:
        for statement in ("INSERT INTO scratch (a) VALUES (9)", "DROP TABLE scratch", "PRAGMA user_version = 99"):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await database.read(methodcaller("execute", statement), is_short=True)
        assert stored(path) == set()


async def test_who_comes_when_the_writer_is_gone_does_not_wait_for_it(path: Path) -> None:
    with anyio.fail_after(WITHIN_S):
        async with open_database(path, operation_timeout_s=10) as database:
            async with anyio.create_task_group() as tasks:
                await tasks.start(database.serve)
                tasks.cancel_scope.cancel()
            with pytest.raises(anyio.ClosedResourceError):
                await database.write("late", add(1), is_patient=True)


async def test_each_commit_that_stores_something_is_heard_and_proves_that_the_disk_takes_it(path: Path) -> None:
    heard: list[float] = []
    with anyio.fail_after(WITHIN_S):
        async with (
            open_database(path, operation_timeout_s=10) as database,
            anyio.create_task_group() as tasks,
        ):
            await tasks.start(database.serve)
            database.on_flush = heard.append
            await database.write("nothing", lambda tx: tx.execute("SELECT 1").fetchone(), is_patient=True)
            assert (heard, database.unproved_s) == ([], math.inf)
            await database.write("scratch", lambda tx: tx.execute(SCRATCH).close(), is_patient=True)
            await database.write("add", add(1), is_patient=True)
            await database.write("add", add(2), is_short=True)
            assert len(heard) >= 2
            assert all(0 < spent_s < WITHIN_S for spent_s in heard)
            assert 0 <= database.unproved_s < WITHIN_S
            database.close()

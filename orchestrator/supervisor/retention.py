"""What is over for long goes: first a run's files, then its rows, then the room that these took, a slice at a time.

Between two slices it rests, so a caller waits for one slice at most. A run's files are gone before its rows
are, so a kill leaves nothing but work that is done again. Decision 0011 says what stays, and why.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import anyio
import structlog

from orchestrator.model.errors import StoreError, StoreFullError
from orchestrator.store import retention, room
from orchestrator.store.database import Transaction
from orchestrator.store.retention import Found, OldRun, Spent
from orchestrator.supervisor.lifetime import MAX_RETRY_INTERVAL_S, Surroundings

log = structlog.stdlib.get_logger()

SLICE: Final = 50
"""How many runs one write deletes, at most."""
PAGES: Final = 128
"""How many pages one write returns to the file system, at most: a few milliseconds, the flush included."""
PAUSE_S: Final = 0.1
RESTS: Final = 9
"""How many times as long as a slice took it rests after it, if that is more: where all is slow, others come first."""
FIRST_AFTER_S: Final = 2.0
ROUND_S: Final = 3600.0
ROUND_OF_FILES_S: Final = 60.0
_MS_PER_DAY: Final = 24 * 60 * 60 * 1000
_Look = Callable[..., Found]


class Retention:
    """Deletes runs that ended more than `days` ago, and the oldest runs' files where all take more than `file_bytes`.

    0 means no such limit.
    """

    def __init__(
        self, surroundings: Surroundings, *, days: int, file_bytes: int, pause_s: float = PAUSE_S, size: int = SLICE
    ) -> None:
        """Begin with nothing counted; `size` is a slice's."""
        self._around = surroundings
        self._days = days
        self._file_bytes = file_bytes
        self._pause_s = pause_s
        self._size = size
        self._total_bytes = 0  # of the runs whose ends lie between these two
        self._emptied = 0
        self._counted = 0

    async def serve(self) -> None:
        """Delete what is due, again and again, until cancelled. The store's trouble ends the daemon, ours only delays."""
        if not self._days and not self._file_bytes:
            return
        await anyio.sleep(FIRST_AFTER_S)
        while True:
            try:
                await self.step()
            except StoreFullError as error:
                log.warning("retention_delayed", problem=str(error))
            except StoreError:
                raise
            except Exception:
                log.exception("retention_trouble", retry_in_s=MAX_RETRY_INTERVAL_S)
            await anyio.sleep(ROUND_OF_FILES_S if self._file_bytes else ROUND_S)

    async def step(self) -> None:
        """Do all that is due now."""
        if self._days:
            gone = await self._walk(retention.find_spent_chains) + await self._walk(retention.find_spent_runs)
            if gone:
                self._around.observer.retired(gone)
                log.info("history_retired", deleted=gone, days=self._days)
        if self._file_bytes:
            await self._count()
            await self._make_room()
        await self._give_back()

    async def _walk(self, look: _Look) -> int:
        """Delete all that is spent, from the oldest on; return how much went."""
        before_ms = self._around.now_ms() - self._days * _MS_PER_DAY
        after = gone = 0
        while True:
            began = anyio.current_time()
            found = await self._look(look, after, before_ms)
            went = await self._retire(found.spent, before_ms)
            after = found.after if went else found.passed
            gone += went
            if found.is_last:
                return gone
            await self._rest(began)

    async def _look(self, look: _Look, after: int, before_ms: int) -> Found:
        now_ms = self._around.now_ms()

        def read(tx: Transaction) -> Found:
            return look(tx, after=after, before_ms=before_ms, now_ms=now_ms, limit=self._size)

        return await self._around.database.read(read)

    async def _retire(self, spent: Iterable[Spent], before_ms: int) -> int:
        """Remove files, then rows. What cannot lose its files keeps its rows."""
        bare = [one for one in spent if await self._discard(one.runs)]
        if not bare:
            return 0
        return await self._around.database.write(
            "retire_runs", lambda tx: retention.retire(tx, bare, before_ms=before_ms), is_patient=True
        )

    async def _discard(self, runs: Sequence[OldRun]) -> bool:
        """Remove the files of runs; False where one has to keep them now."""
        for run in runs:
            is_counted = run.end_seq is not None and self._emptied < run.end_seq <= self._counted
            size = await self._around.executor.stored_bytes(run.id) if is_counted else 0
            try:
                is_gone = await self._around.executor.discard(run.id)
            except OSError as error:
                log.warning("run_files_stay", run=str(run.id), problem=str(error))
                return False
            if not is_gone:
                log.warning("run_files_stay", run=str(run.id), problem="its claim is held")
                return False
            self._total_bytes -= size
        return True

    async def _count(self) -> None:
        """Add up what the runs take that have ended since; after a start, all of them."""
        began = anyio.current_time()
        while ended := await self._ended(self._counted):
            for run in ended:
                self._total_bytes += await self._around.executor.stored_bytes(run.id)
                self._counted = run.end_seq or self._counted
            await self._rest(began)
            began = anyio.current_time()

    async def _make_room(self) -> None:
        """Remove the files of the runs that ended first, until the others take no more than they may."""
        emptied = 0
        began = anyio.current_time()
        while self._total_bytes > self._file_bytes and (ended := await self._ended(self._emptied)):
            for run in ended:
                if self._total_bytes <= self._file_bytes or (run.end_seq or 0) > self._counted:
                    break
                emptied += await self._discard([run])
                self._emptied = run.end_seq or self._emptied
            if (ended[-1].end_seq or 0) > self._counted:  # those are for the next round
                break
            await self._rest(began)
            began = anyio.current_time()
        if emptied:
            log.info("run_files_removed", runs=emptied, left_bytes=self._total_bytes)

    async def _give_back(self) -> None:
        """Return the pages of the database that nobody will soon use."""
        database = self._around.database
        left = await database.read(room.surplus_pages) if self._days else 0
        while left:
            began = anyio.current_time()
            left = await database.write("return_pages", lambda tx: room.give_back(tx, limit=PAGES), is_patient=True)
            await self._rest(began)

    async def _rest(self, began: float) -> None:
        await anyio.sleep(max(self._pause_s, RESTS * (anyio.current_time() - began) if self._pause_s else 0))

    async def _ended(self, after: int) -> list[OldRun]:
        return await self._around.database.read(lambda tx: retention.list_ended(tx, after=after, limit=self._size))

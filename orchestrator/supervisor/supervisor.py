"""The supervisor: which runs are held, which wait, and who starts next.

It keeps no truth of its own: the queue mirrors rows that have not ended and are not held, the slots in use are the sum
over the lifetimes it holds, and after a restart both are made again from the store and the claims.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from orchestrator.executors.interface import Unclaimed
from orchestrator.model import queue
from orchestrator.model.errors import StoreError
from orchestrator.model.ids import JobRunId
from orchestrator.model.queue import Demand, Limits, Line, Wait
from orchestrator.model.records import JobRun
from orchestrator.model.states import JobRunState
from orchestrator.store import job_runs, jobs
from orchestrator.store.database import Transaction
from orchestrator.supervisor.bell import Bell, heard
from orchestrator.supervisor.lifetime import (
    MAX_RETRY_INTERVAL_S,
    RETRY_INTERVAL_S,
    SAFETY_POLL_S,
    Lifetime,
    Surroundings,
)

log = structlog.stdlib.get_logger()

_LENT_PART: Final = 4
_QUEUED: Final = frozenset({JobRunState.WAITING, JobRunState.STARTING})


class Supervisor:
    """Carries every accepted run to its end. All methods are for the event loop's thread."""

    def __init__(self, surroundings: Surroundings, limits: Limits) -> None:
        """Begin with nothing; `serve` fills it from the store."""
        self._around = surroundings
        self._limits = limits
        self._line = Line()  # in order of acceptance
        self._queued: dict[JobRunId, JobRun] = {}  # those in the line
        self._held: dict[JobRunId, Demand] = {}
        self._ending: dict[JobRunId, Demand] = {}  # over, and about to be settled
        self._lifetimes: dict[JobRunId, Lifetime] = {}
        self._stops: list[JobRunId] = []
        self._work = Bell()
        self._dispatched = Bell()
        self._occupied = Bell()
        self._last_seq = 0  # up to here every run is known
        self._is_behind = False  # the store may have more

    @property
    def limits(self) -> Limits:
        """What may be live at once."""
        return self._limits

    def full_queue(self) -> int | None:
        """Return how many runs wait, if no more may; None while there is room. May be called in any thread."""
        most = self._limits.max_queued
        return most if len(self._line) >= most else None

    @property
    def changed(self) -> Bell:
        """Rings after every commit that changes a run."""
        return self._around.changed

    @property
    def ended(self) -> Bell:
        """Rings after every commit that ends a run, or tells of a late one."""
        return self._around.ended

    @property
    def dispatched(self) -> Bell:
        """Rings when other runs may be held or queued than before."""
        return self._dispatched

    @property
    def occupied(self) -> Bell:
        """Rings when a run is held where none was."""
        return self._occupied

    @property
    def carried(self) -> Sequence[JobRun]:
        """The runs that are held, to be started or to their ends, each as it was seen last."""
        return [lifetime.run for lifetime in self._lifetimes.values()]

    def load(self) -> tuple[int, int]:
        """Return how many runs take slots, and how many wait to be started, as it is now."""
        return len(self._held), len(self._line)

    def accepted(self, run: JobRun | None = None, concurrency_limit: int = 0) -> None:
        """Say that a run was accepted. To be called after its commit.

        With the run as stored, and the limit of its job, it need not be read again, if it is the next to what is known.
        """
        if run is not None and run.seq == self._last_seq + 1 and run.state in _QUEUED:
            self._take_up(run, concurrency_limit)
        else:
            self._is_behind = True
        self._work.ring()

    def fired(self) -> None:
        """Say that a trigger or a workflow was started, by which runs may also have ended. To be called after the commit."""
        self._is_behind = True
        self._work.ring()
        self._around.changed.ring()
        self._around.ended.ring()

    def rescheduled(self) -> None:
        """Say that a trigger, or its state, has changed. To be called after the commit."""
        self._around.timed.ring()

    def stop_requested(self, run_ids: Iterable[JobRunId]) -> None:
        """Say that stops were accepted. To be called after their commit."""
        for run_id in run_ids:
            lifetime = self._lifetimes.get(run_id)
            if lifetime is not None:
                lifetime.wake_to_change()
            else:  # queued, or about to be: a row that is being read now may still be from before the stop
                self._stops.append(run_id)
        self._is_behind = True  # one that was waiting has ended, and others may follow from that
        self._work.ring()
        self._around.ended.ring()

    @property
    def held(self) -> Mapping[JobRunId, Demand]:
        """The runs that take slots, and what each takes, as it is now."""
        return dict(self._held)

    @property
    def longest_queued(self) -> JobRun | None:
        """The run that was accepted first of those that wait to be started."""
        return next(iter(self._queued.values()), None)

    @property
    def queued(self) -> Sequence[Demand]:
        """The runs that wait to be started, the head first, as it is now."""
        return list(self._line)

    def waits(self, run_ids: Iterable[JobRunId] | None = None) -> Mapping[JobRunId, Wait]:
        """Return why each queued run waits, and its place; or, which costs less, only those of `run_ids`.

        A run that has its slots, and whose launch waits for something, stands at no place, which is 0.
        """
        held = list(self._held.values())
        waits = queue.explain(self._line, held, self._limits, run_ids, ending=self._ending.values())
        preparing = self._around.executor.preparations()
        return {**waits, **{run_id: Wait(place=0, reason=reason) for run_id, reason in preparing.items()}}

    async def serve(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Take up what the last daemon left, then dispatch until cancelled. Runs go on when this ends."""
        async with anyio.create_task_group() as lifetimes:
            self._around.executor.watch(self._happened)
            await self._take_up_new(lifetimes, is_start=True)
            task_status.started()
            while True:
                rung = self._work.listen()
                if self._is_behind:
                    await self._take_up_new(lifetimes)
                self._take_up_stops(lifetimes)
                self._dispatch(lifetimes)
                self._dispatched.ring()
                if not await heard(rung, within_s=SAFETY_POLL_S):
                    self._is_behind = True

    def _happened(self, run_id: JobRunId) -> None:
        lifetime = self._lifetimes.get(run_id)
        if lifetime is not None:
            lifetime.wake()

    async def _take_up_new(self, lifetimes: TaskGroup, *, is_start: bool = False) -> None:
        """Queue the runs that the store has and we do not; at the start also hold those that a shim has claimed."""
        self._is_behind = False  # before the look: what is accepted meanwhile may be missed by it

        def read(tx: Transaction) -> list[tuple[JobRun, int]]:
            runs = job_runs.list_live(tx, after_seq=self._last_seq)
            caps = {key: jobs.definition(tx, key).concurrency_limit for key in {run.version_key for run in runs}}
            return [(run, caps[run.version_key]) for run in runs]

        try:
            found = await self._around.database.read(read)
        except BaseException:
            self._is_behind = True
            raise
        for run, cap in found:
            if run.seq <= self._last_seq:  # handed over meanwhile
                continue
            if run.trigger_name is not None and not is_start:
                log.info("job_run_triggered", job=run.job_name, run=str(run.id), trigger=run.trigger_name)
            is_queued = run.state in _QUEUED
            if is_queued and is_start and run.state is JobRunState.STARTING:
                is_queued = await self._is_unclaimed(run)
            if is_queued:
                self._take_up(run, cap)
            else:
                log.info("job_run_adopted", run=str(run.id), state=run.state)
                self._seen(run)
                self._hold(lifetimes, run, _demand(run, cap))

    def _take_up(self, run: JobRun, concurrency_limit: int) -> None:
        """Queue a run that nobody has started."""
        self._seen(run)
        self._queued[run.id] = run
        self._line.add(_demand(run, concurrency_limit))

    def _seen(self, run: JobRun) -> None:
        self._last_seq = run.seq
        if run.notify_delay_after_min is not None:
            self._around.timed.ring()

    async def _is_unclaimed(self, run: JobRun) -> bool:
        """Say whether nothing ever started the run. Trouble with the look is left to the run's lifetime."""
        try:
            return isinstance(await self._around.executor.find(run.id), Unclaimed)
        except OSError as error:
            log.warning("job_run_not_readable", run=str(run.id), problem=str(error))
            return False

    def _take_up_stops(self, lifetimes: TaskGroup) -> None:
        """Hold the queued runs that are to stop: their lifetime revokes the claim, and takes no slot for that."""
        while self._stops:
            run = self._leave_line(self._stops.pop())
            if run is not None:
                self._hold(lifetimes, run, None)

    def _dispatch(self, lifetimes: TaskGroup) -> None:
        for demand in queue.choose(self._line, self._held.values(), self._limits, self._ending.values()):
            run = self._leave_line(demand.run_id)
            if run is not None:
                self._hold(lifetimes, run, demand)

    def _leave_line(self, run_id: JobRunId) -> JobRun | None:
        """Take a run out of the line and return it; None where it did not wait."""
        self._line.remove(run_id)
        return self._queued.pop(run_id, None)

    def _hold(self, lifetimes: TaskGroup, run: JobRun, demand: Demand | None) -> None:
        lifetime = self._lifetimes[run.id] = Lifetime(run, self._around, partial(self._is_over, run.id))
        if len(self._lifetimes) == 1:
            self._occupied.ring()
        if demand is not None:
            self._held[run.id] = demand
        lifetimes.start_soon(self._carry, run.id, lifetime, name=str(run.id))

    def _is_over(self, run_id: JobRunId) -> None:
        """Lend a run's slot again before its end is on disk; but not many, for the disk may take none."""
        if len(self._ending) < max(1, self._limits.max_processes // _LENT_PART) and run_id in self._held:
            self._ending[run_id] = self._held.pop(run_id)
            self._work.ring()

    async def _carry(self, run_id: JobRunId, lifetime: Lifetime) -> None:
        """Keep one run's trouble with that run; the store's trouble ends the daemon."""
        pause_s = RETRY_INTERVAL_S
        try:
            while True:
                try:
                    await lifetime.carry()
                except StoreError:
                    raise
                except Exception:
                    log.exception("job_run_trouble", run=str(run_id), retry_in_s=pause_s)
                    await anyio.sleep(pause_s)
                    pause_s = min(pause_s * 2, MAX_RETRY_INTERVAL_S)
                else:
                    return
        finally:
            del self._lifetimes[run_id]
            self._held.pop(run_id, None)
            self._ending.pop(run_id, None)
            self._is_behind |= lifetime.run.chain_key is not None  # the end of a run starts others in its chain only
            self._work.ring()


def _demand(run: JobRun, concurrency_limit: int) -> Demand:
    return Demand(run_id=run.id, job_key=run.job_key, concurrency_limit=concurrency_limit, dpu=run.capacity.dpu)

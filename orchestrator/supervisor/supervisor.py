"""The supervisor: which runs are held, which wait, and who starts next.

It keeps no truth of its own: the queue mirrors rows that have not ended and are not held, the slots in use are the sum
over the lifetimes it holds, and after a restart both are made again from the store and the claims.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from orchestrator.executors.interface import Unclaimed
from orchestrator.model import queue
from orchestrator.model.errors import StoreError, StoreFullError
from orchestrator.model.ids import JobRunId
from orchestrator.model.queue import Demand, Limits, Wait
from orchestrator.model.records import JobRun
from orchestrator.model.states import JobRunState
from orchestrator.store import job_runs, jobs
from orchestrator.store.database import Transaction
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.lifetime import (
    MAX_RETRY_INTERVAL_S,
    RETRY_INTERVAL_S,
    SAFETY_POLL_S,
    Lifetime,
    Surroundings,
    admit,
)

log = structlog.stdlib.get_logger()

_QUEUED: Final = frozenset({JobRunState.WAITING, JobRunState.STARTING})


class Supervisor:
    """Carries every accepted run to its end. All methods are for the event loop's thread."""

    def __init__(self, surroundings: Surroundings, limits: Limits) -> None:
        """Begin with nothing; `serve` fills it from the store."""
        self._around = surroundings
        self._limits = limits
        self._queue: dict[JobRunId, tuple[Demand, JobRun]] = {}  # in order of acceptance
        self._held: dict[JobRunId, Demand] = {}
        self._lifetimes: dict[JobRunId, Lifetime] = {}
        self._stops: list[JobRunId] = []
        self._work = Bell()
        self._last_seq = 0

    @property
    def limits(self) -> Limits:
        """What may be live at once."""
        return self._limits

    @property
    def changed(self) -> Bell:
        """Rings after every commit that changes a run."""
        return self._around.changed

    @property
    def ended(self) -> Bell:
        """Rings after every commit that ends a run, or tells of a late one."""
        return self._around.ended

    def accepted(self) -> None:
        """Say that a run was accepted. To be called after its commit."""
        self._work.ring()

    def fired(self) -> None:
        """Say that a trigger or a workflow was started, by which runs may also have ended. To be called after the commit."""
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
        self._work.ring()
        self._around.ended.ring()  # one that was waiting has ended

    @property
    def held(self) -> Mapping[JobRunId, Demand]:
        """The runs that take slots, and what each takes, as it is now."""
        return dict(self._held)

    @property
    def queued(self) -> Sequence[Demand]:
        """The runs that wait to be started, the head first, as it is now."""
        return [demand for demand, _ in self._queue.values()]

    def waits(self) -> Mapping[JobRunId, Wait]:
        """Return why each queued run waits, and its place."""
        return queue.explain([demand for demand, _ in self._queue.values()], list(self._held.values()), self._limits)

    async def serve(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Take up what the last daemon left, then dispatch until cancelled. Runs go on when this ends."""
        async with anyio.create_task_group() as lifetimes:
            lifetimes.start_soon(self._observe)
            await self._take_up_new(lifetimes, is_start=True)
            task_status.started()
            while True:
                rung = self._work.listen()
                try:
                    await self._take_up_new(lifetimes)
                    self._take_up_stops(lifetimes)
                    await self._dispatch(lifetimes)
                except StoreFullError as error:
                    log.warning("dispatch_delayed", problem=str(error))
                    await anyio.sleep(RETRY_INTERVAL_S)
                    continue
                with anyio.move_on_after(SAFETY_POLL_S):
                    await rung.wait()

    async def _observe(self) -> None:
        async for run_id in self._around.executor.watch():
            lifetime = self._lifetimes.get(run_id)
            if lifetime is not None:
                lifetime.wake()

    async def _take_up_new(self, lifetimes: TaskGroup, *, is_start: bool = False) -> None:
        """Queue the runs that the store has and we do not; at the start also hold those that a shim has claimed."""

        def read(tx: Transaction) -> list[tuple[JobRun, int]]:
            runs = job_runs.list_live(tx, after_seq=self._last_seq)
            caps = {key: jobs.definition(tx, key).concurrency_limit for key in {run.version_key for run in runs}}
            return [(run, caps[run.version_key]) for run in runs]

        for run, cap in await self._around.database.read(read):
            self._last_seq = run.seq
            if run.trigger_name is not None and not is_start:
                log.info("job_run_triggered", job=run.job_name, run=str(run.id), trigger=run.trigger_name)
            if run.notify_delay_after_min is not None:
                self._around.timed.ring()
            demand = Demand(run_id=run.id, job_key=run.job_key, concurrency_limit=cap, dpu=run.capacity.dpu)
            is_queued = run.state in _QUEUED
            if is_queued and is_start and run.state is JobRunState.STARTING:
                is_queued = await self._is_unclaimed(run)
            if is_queued:
                self._queue[run.id] = (demand, run)
            else:
                log.info("job_run_adopted", run=str(run.id), state=run.state)
                self._hold(lifetimes, run, demand)

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
            entry = self._queue.pop(self._stops.pop(), None)
            if entry is not None:
                self._hold(lifetimes, entry[1], None)

    async def _dispatch(self, lifetimes: TaskGroup) -> None:
        queued = [demand for demand, _ in self._queue.values()]
        for demand in queue.choose(queued, self._held.values(), self._limits):
            _, run = self._queue[demand.run_id]
            if run.state is JobRunState.WAITING:
                admitted = await admit(run.id, self._around)
                if admitted is None:
                    self._queue.pop(demand.run_id, None)
                    continue
                run = admitted
            if self._queue.pop(run.id, None) is not None:
                self._hold(lifetimes, run, demand)

    def _hold(self, lifetimes: TaskGroup, run: JobRun, demand: Demand | None) -> None:
        lifetime = self._lifetimes[run.id] = Lifetime(run, self._around)
        if demand is not None:
            self._held[run.id] = demand
        lifetimes.start_soon(self._carry, run.id, lifetime, name=str(run.id))

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
            self._work.ring()

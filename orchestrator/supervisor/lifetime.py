"""One run's way from where it is to its last state. One task each; the same for new, adopted and half-ended runs.

The loop only looks and acts on what it sees, so a lost or doubled wake-up, or a daemon that died in between, changes
nothing: start-up is recovery, and there is no second code path.
"""

from collections.abc import Callable
from typing import Final

import anyio
import structlog

from orchestrator.executors.interface import Alive, Ended, LaunchSpec, Lost, Over, Revoked, Sighting, Unclaimed, Unknown
from orchestrator.model import arguments
from orchestrator.model.endings import Ending
from orchestrator.model.errors import (
    IllegalTransitionError,
    LaunchError,
    RequestError,
    StoreFullError,
    UnavailableError,
)
from orchestrator.model.records import JobRun
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.store import job_runs
from orchestrator.store.database import Transaction
from orchestrator.supervisor import launching, settlement
from orchestrator.supervisor.bell import Bell, heard
from orchestrator.supervisor.surroundings import Surroundings

__all__ = ["Lifetime", "Surroundings"]

log = structlog.stdlib.get_logger()

MAX_LAUNCHES: Final = 3
"""How many shims may die before the claim until the run is given up."""
RETRY_INTERVAL_S: Final = 1.0
MAX_RETRY_INTERVAL_S: Final = 60.0
SAFETY_POLL_S: Final = 30.0
"""A look that forgives a wake-up lost by a bug."""
LAUNCH_GRACE_S: Final = 0.02
"""How long the record of a launch waits for the run's end: a script that is as quick costs one commit, not two."""
_MS_PER_S: Final = 1000
_DIRECTORY_GONE: Final = "its run directory is gone"


class Lifetime:
    """The care for one run. `wake` may be called at any time, from the event loop."""

    def __init__(self, run: JobRun, surroundings: Surroundings, tell_over: Callable[[], None] = lambda: None) -> None:
        """Begin with the run as the store has it. `tell_over` hears of its end before that is on disk."""
        self.run = run
        self._tell_over = tell_over
        self._around = surroundings
        self._bell = Bell()
        self._launches = 0
        self._problem: str | None = None
        self._stop_sent = False
        self._is_rumour = True  # whether the row may have changed since it was read
        self._launched_at_ms: int | None = None  # when it was first seen alive
        self._asked_at: float | None = None  # for the launch that was not seen alive so far, by the event loop's clock
        self._is_launch_due = False  # to be recorded: the run has lasted for longer than the grace
        self._launching: anyio.CancelScope | None = None

    def wake(self) -> None:
        """Make it look at the run again: something may have happened there."""
        self._bell.ring()

    def wake_to_change(self) -> None:
        """Make it read its row again: somebody else has changed it, by a stop. A launch that still waits is withdrawn."""
        self._is_rumour = True
        if self._launching is not None:
            self._launching.cancel()
        self._bell.ring()

    async def carry(self) -> None:
        """Carry the run to a terminal state. Cancelling this ends the watching, never the run."""
        while not self.run.is_terminal:
            rung = self._bell.listen()
            try:
                is_moved = await self._step()
            except (UnavailableError, StoreFullError) as error:
                log.warning("job_run_delayed", run=str(self.run.id), problem=str(error))
                await anyio.sleep(RETRY_INTERVAL_S)
                is_moved = True
            if not is_moved:
                is_in_grace = self._is_seen_alive and not (self._is_launch_due or self.run.launched_on_ms is not None)
                if not await heard(rung, within_s=LAUNCH_GRACE_S if is_in_grace else SAFETY_POLL_S):
                    self._is_launch_due |= is_in_grace
                    self._is_rumour |= not is_in_grace

    @property
    def _is_seen_alive(self) -> bool:
        return self._launched_at_ms is not None

    @property
    def _is_short(self) -> bool:
        """Whether nothing can follow from this run: what happens to it in the store then touches a few rows."""
        return self.run.chain_key is None

    async def _look_up(self) -> None:
        """Take the row as it is now."""
        self._is_rumour = False  # before the read: what changes during it is heard
        self.run = await self._around.database.read(lambda tx: job_runs.get_by_id(tx, self.run.id), is_short=True)

    async def _step(self) -> bool:
        """Do what the sight of the run calls for. Returns False where there is nothing to do until it is woken.

        Only where the row decides is a rumour of it looked up: a launch, and an end, read it in their own transactions.
        """
        seen = await self._around.executor.find(self.run.id)
        self._observe_launch(seen)
        if self._is_rumour and isinstance(seen, Alive | Revoked):
            await self._look_up()
        match seen:
            case Unclaimed():
                return await self._unclaimed(seen)
            case Alive():
                return await self._alive()
            case Over():
                self._tell_over()
                return False
            case Ended(ending):
                self._tell_over()
                await self._settle_ended(ending)
            case Lost(reason):
                await self._settle_lost(reason)
            case Revoked() if self.run.state is JobRunState.RUNNING:  # a daemon died between these two steps of ours
                await self._settle_lost(_DIRECTORY_GONE)
            case Revoked(reason):
                await self._settle_never_started(self._problem or reason or "The launch of the run was revoked")
            case Unknown():
                return False
        return True

    def _observe_launch(self, seen: Sighting) -> None:
        if self._asked_at is not None and isinstance(seen, Alive | Over | Ended):
            accepted_s = (self._now_ms() - self.run.started_on_ms) / _MS_PER_S
            self._around.observer.launched(accepted_s=accepted_s, asked_s=anyio.current_time() - self._asked_at)
            self._asked_at = None

    async def _unclaimed(self, seen: Unclaimed) -> bool:
        has_run = seen.was_claimed or self._is_seen_alive or self.run.state is JobRunState.RUNNING
        if has_run:  # its directory is gone, not its claim
            await self._around.executor.revoke(self.run.id, _DIRECTORY_GONE)
            await self._settle_lost(_DIRECTORY_GONE)
            return True
        problem = seen.problem or self._problem
        is_hopeless = problem is not None or self._launches >= MAX_LAUNCHES
        if self.run.state is JobRunState.STOPPING or is_hopeless:
            self._problem = problem or f"The run's shim died {MAX_LAUNCHES} times before it could claim the run"
            if await self._around.executor.revoke(self.run.id, self._problem):
                await self._settle_never_started(self._problem)
            return True
        return await self._launch()

    async def _launch(self) -> bool:
        self._is_rumour = False
        try:
            self.run, spec = await self._admit() if self.run.state is JobRunState.WAITING else await self._read()
            if self._is_rumour or self.run.state is not JobRunState.STARTING:  # a stop overtook the launch
                await self._look_up()
                return True
            if isinstance(spec, RequestError):
                raise spec
            for key in arguments.ignored_keys(spec.arguments):
                log.warning("argument_not_passed", run=str(self.run.id), key=key, reason="it does not begin with --")
            if not await self._launch_unless_changed(spec):
                await self._look_up()
                return True
        except IllegalTransitionError:  # a stop overtook the admission
            await self._look_up()
            return True
        except (LaunchError, RequestError) as error:
            self._problem = str(error)
            return True
        self._launches += 1
        return False  # the shim will be heard when it has started the script, or is gone

    async def _read(self) -> tuple[JobRun, LaunchSpec | RequestError]:
        """Return the row as it is now, and how the run is to be launched."""

        def read(tx: Transaction) -> tuple[JobRun, LaunchSpec | RequestError]:
            run = job_runs.get_by_id(tx, self.run.id)
            return run, _launch_spec(tx, run)

        return await self._around.database.read(read, is_short=self._is_short)

    async def _admit(self) -> tuple[JobRun, LaunchSpec | RequestError]:
        """Move a WAITING run to STARTING, and return what `_read` does."""

        def record(tx: Transaction) -> tuple[JobRun, LaunchSpec | RequestError]:
            run = job_runs.move(tx, self.run.id, RunEvent.ADMITTED, at_ms=self._now_ms())
            return run, _launch_spec(tx, run)

        admitted = await self._around.database.write("admit", record, is_patient=True, is_short=self._is_short)
        self._around.changed.ring()
        return admitted

    async def _launch_unless_changed(self, spec: LaunchSpec) -> bool:
        """Launch, which may wait for a network: a stop withdraws it then. Returns whether it was made."""
        self._launching = anyio.CancelScope()
        self._asked_at = anyio.current_time()
        try:
            with self._launching:
                await self._around.executor.launch(spec)
                return True
        finally:
            self._launching = None
        return False

    async def _alive(self) -> bool:
        if self.run.launched_on_ms is None:
            if self._launched_at_ms is None:
                self._launched_at_ms = self._now_ms()
            if self._may_launch_wait():
                return False
            await self._record_launch(self._launched_at_ms)
            return True
        if self.run.state is JobRunState.STOPPING and not self._stop_sent:
            self._stop_sent = True
            await self._around.executor.request_stop(self.run.id)
        return False

    def _may_launch_wait(self) -> bool:
        """Say whether nobody counts from the instant of the launch so far: neither a stop nor a notice of delay."""
        is_counted = self.run.state is not JobRunState.STARTING or self.run.notify_delay_after_min is not None
        return not (is_counted or self._is_launch_due)

    async def _record_launch(self, at_ms: int) -> None:
        def record(tx: Transaction) -> JobRun:
            return job_runs.move(tx, self.run.id, RunEvent.LAUNCHED, at_ms=at_ms)

        self.run = await self._around.database.write("record_launch", record, is_patient=True, is_short=self._is_short)
        self._tell()
        if self.run.notify_delay_after_min is not None:
            self._around.timed.ring()  # from now on it can be late

    async def _settle_ended(self, ending: Ending) -> None:
        await self._settle(
            "settle_ended",
            lambda tx: settlement.settle_ended(
                tx,
                self.run.id,
                ending,
                launched_at_ms=self._launched_at_ms,
                means=self._around.means,
                at_ms=self._now_ms(),
            ),
        )
        self._around.observer.logged(ending.log_bytes or 0)

    async def _settle_lost(self, reason: str) -> None:
        await self._around.executor.sweep(self.run.id)
        await self._settle(
            "settle_lost",
            lambda tx: settlement.settle_lost(
                tx,
                self.run.id,
                reason,
                launched_at_ms=self._launched_at_ms,
                means=self._around.means,
                at_ms=self._now_ms(),
            ),
        )

    async def _settle_never_started(self, problem: str) -> None:
        await self._settle(
            "settle_never_started",
            lambda tx: settlement.settle_never_started(
                tx, self.run.id, problem, means=self._around.means, at_ms=self._now_ms()
            ),
        )

    async def _settle(self, name: str, settle: Callable[[Transaction], JobRun]) -> None:
        self.run = await self._around.database.write(name, settle, is_patient=True, is_short=self._is_short)
        self._tell()
        self._around.ended.ring()
        if self.run.retry_due_ms is not None:
            self._around.timed.ring()

    def _now_ms(self) -> int:
        return self._around.now_ms()

    def _tell(self) -> None:
        log.info("job_run_moved", job=self.run.job_name, run=str(self.run.id), state=self.run.state)
        self._around.changed.ring()


def _launch_spec(tx: Transaction, run: JobRun) -> LaunchSpec | RequestError:
    """Return how `run` is to be launched, or why it cannot be: raised, that would take back its admission."""
    try:
        return launching.launch_spec(tx, run)
    except RequestError as error:
        return error

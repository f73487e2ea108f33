"""What happens by the clock: schedules fire, retries come due, runs become late.

It keeps nothing but a cache of parsed schedules. Each look finds what is due by the store and the clock, each act is
guarded in its own transaction, and between looks it sleeps until the next thing is due. A clock that is set back or
forward is noticed within `LONGEST_SLEEP_S`. Source: glue-semantics §3.4, §3.6 and §6.5.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import anyio
import structlog

from orchestrator.model import schedule as rules
from orchestrator.model.errors import ConcurrentRunsExceededError, InvalidInputError, StoreError, StoreFullError
from orchestrator.model.records import EventKind, JobRun
from orchestrator.model.schedule import Schedule
from orchestrator.model.triggers import Trigger, TriggerState
from orchestrator.store import chains, events, job_runs, triggers
from orchestrator.store.database import Transaction
from orchestrator.supervisor import firing, sequel
from orchestrator.supervisor.lifetime import MAX_RETRY_INTERVAL_S, RETRY_INTERVAL_S, Surroundings

log = structlog.stdlib.get_logger()

LONGEST_SLEEP_S: Final = 30.0
_MAX_RETRIES_AT_ONCE: Final = 200
_MS_PER_S: Final = 1000
_MS_PER_MIN: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Due:
    """What one look found."""

    ticks: list[tuple[Trigger, int]]
    has_retries: bool
    has_delays: bool
    next_ms: int | None  # when the next thing is due; None: nothing is known that will be


class Timetable:
    """Does what is due. `fired` is called after each commit that may have made runs, or ended them."""

    def __init__(self, surroundings: Surroundings, fired: Callable[[], None]) -> None:
        """Begin with nothing known."""
        self._around = surroundings
        self._policy = surroundings.means.policy
        self._fired = fired
        self._schedules: dict[str, Schedule] = {}

    async def serve(self) -> None:
        """Do what is due, whenever it is, until cancelled. The store's trouble ends the daemon, ours only delays."""
        pause_s = RETRY_INTERVAL_S
        while True:
            rung = self._around.timed.listen()
            try:
                next_ms = await self.step()
            except StoreFullError as error:
                log.warning("timetable_delayed", problem=str(error))
                await anyio.sleep(RETRY_INTERVAL_S)
                continue
            except StoreError:
                raise
            except Exception:
                log.exception("timetable_trouble", retry_in_s=pause_s)
                await anyio.sleep(pause_s)
                pause_s = min(pause_s * 2, MAX_RETRY_INTERVAL_S)
                continue
            pause_s = RETRY_INTERVAL_S
            if next_ms is None:
                await rung.wait()
                continue
            wait_s = (next_ms - self._around.now_ms()) / _MS_PER_S
            with anyio.move_on_after(min(max(wait_s, 0.0), LONGEST_SLEEP_S)):
                await rung.wait()

    async def step(self) -> int | None:
        """Do all that is due now; return when the next thing will be, in epoch milliseconds, or None."""
        now_ms = self._around.now_ms()
        due = await self._around.database.read(lambda tx: self._look(tx, now_ms))
        trouble: Exception | None = None
        for trigger, tick_ms in due.ticks:
            try:
                await self._fire(trigger, tick_ms, now_ms)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - raised below: one trigger's trouble makes no other miss its instant
                trouble = error
        if due.has_retries:
            await self._around.database.write("retry", lambda tx: self._retry(tx, now_ms), is_patient=True)
            self._fired()
        if due.has_delays:
            await self._around.database.write("notify_delay", lambda tx: self._tell_late(tx, now_ms), is_patient=True)
            self._around.ended.ring()
        if trouble is not None:
            raise trouble
        return due.next_ms

    def _look(self, tx: Transaction, now_ms: int) -> _Due:
        waiting = job_runs.list_retry_due(tx, limit=1)
        late = [at_ms for run in job_runs.list_untold_delays(tx) if (at_ms := _late_on_ms(run)) is not None]
        instants = [at_ms for at_ms in late if at_ms > now_ms]
        has_retries = bool(waiting) and self._is_due(waiting[0], now_ms)
        instants += [run.retry_due_ms for run in waiting if run.retry_due_ms is not None]
        ticks = []
        for trigger in triggers.list_scheduled(tx):
            parsed = self._parsed(trigger)
            if parsed is None:
                continue
            tick_ms = self._tick(tx, trigger, parsed, now_ms)
            if tick_ms is not None:
                ticks.append((trigger, tick_ms))
            next_ms = parsed.next_after(now_ms)
            if next_ms is not None:
                instants.append(next_ms)
        return _Due(
            ticks=ticks,
            has_retries=has_retries,
            has_delays=any(at_ms <= now_ms for at_ms in late),
            next_ms=min(instants, default=None),
        )

    def _parsed(self, trigger: Trigger) -> Schedule | None:
        text = trigger.definition.schedule or ""
        if text not in self._schedules:
            try:
                self._schedules[text] = rules.parse(text)
            except InvalidInputError as error:  # accepted by another version of this program
                log.error("schedule_unusable", trigger=trigger.name, problem=str(error))  # noqa: TRY400
                return None
        return self._schedules[text]

    def _tick(self, tx: Transaction, trigger: Trigger, parsed: Schedule, now_ms: int) -> int | None:
        """Return the instant that the trigger is to fire for now, if it has not."""
        catches_up = self._policy.catch_up == "one"
        tick_ms = rules.due_tick(parsed, now_ms=now_ms, active_since_ms=trigger.active_since_ms, catches_up=catches_up)
        if tick_ms is None or chains.has_fired_for(tx, trigger.name, tick_ms):
            return None
        return tick_ms

    async def _fire(self, trigger: Trigger, tick_ms: int, now_ms: int) -> None:
        """Fire a trigger for an instant, unless it has fired for it, or was changed, since we looked."""

        def fire(tx: Transaction) -> bool:
            current = triggers.find(tx, trigger.name)
            if current != trigger or current.state is not TriggerState.ACTIVATED:
                return False
            if chains.has_fired_for(tx, trigger.name, tick_ms):
                return False
            try:
                firing.fire_root(tx, current, tick_ms=tick_ms, means=self._around.means, at_ms=now_ms)
            except ConcurrentRunsExceededError as error:  # its workflow is busy: this instant is let pass, for good
                log.warning("schedule_skipped", trigger=trigger.name, problem=str(error))
                chains.record_firing(tx, trigger.name, chains.create(tx, at_ms=now_ms), tick_ms=tick_ms, at_ms=now_ms)
            return True

        if await self._around.database.write("fire_schedule", fire, is_patient=True):
            self._around.observer.fired((self._around.now_ms() - tick_ms) / _MS_PER_S)
            self._fired()

    def _is_due(self, run: JobRun, now_ms: int) -> bool:
        """Say whether the retry is due. One that is further off than any pause is due since the clock was set back."""
        due_ms = run.retry_due_ms
        if due_ms is None:
            return False
        return due_ms <= now_ms or due_ms > now_ms + self._policy.retry_delay.longest_ms

    def _retry(self, tx: Transaction, now_ms: int) -> None:
        for run in job_runs.list_retry_due(tx, limit=_MAX_RETRIES_AT_ONCE):
            if self._is_due(run, now_ms):
                sequel.retry(tx, run, means=self._around.means, at_ms=now_ms)

    def _tell_late(self, tx: Transaction, now_ms: int) -> None:
        for run in job_runs.list_untold_delays(tx):
            late_on_ms = _late_on_ms(run)
            if late_on_ms is not None and late_on_ms <= now_ms:
                events.append(tx, run, EventKind.RUN_STATUS, at_ms=now_ms)


def _late_on_ms(run: JobRun) -> int | None:
    """Return when the run exceeds its NotifyDelayAfter. What it has waited as WAITING does not count."""
    begun_ms = run.launched_on_ms
    if begun_ms is None and not run.queuing_enabled:
        begun_ms = run.started_on_ms
    return None if begun_ms is None else begun_ms + (run.notify_delay_after_min or 0) * _MS_PER_MIN

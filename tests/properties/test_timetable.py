"""A schedule fires at each of its instants exactly once, whatever the clock does, as the rules say.

The timetable works on a clock of the test and a real store. The instants are enumerated a second time, from the calendar
of the standard library. The machine's zone is one with daylight saving, which must not matter.
"""

import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import anyio
import pytest

from orchestrator.model.triggers import Action, TriggerDefinition, TriggerState, TriggerType
from orchestrator.store import triggers
from orchestrator.store.database import Database, open_database
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.lifetime import Surroundings
from orchestrator.supervisor.timetable import LONGEST_SLEEP_S, Timetable
from tests.support.records import some_means
from tests.support.scripted_executor import ScriptedExecutor

START: Final = datetime(2027, 9, 1, 5, 7, 11, tzinfo=UTC)
DAYS: Final = 400
LONGEST_SLEEP_MS: Final = int(LONGEST_SLEEP_S * 1000)
MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a directory of our own is made in it
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


def _ms(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000


def _is_last_of_month(day: datetime) -> bool:
    return (day + timedelta(days=1)).day == 1


Fires = Callable[[datetime], bool]
SCHEDULES: Final[dict[str, tuple[str, Fires]]] = {
    "nightly": ("cron(30 0-3 * * ? *)", lambda at: at.minute == 30 and at.hour <= 3),
    "sundays": ("cron(0/20 1,2 ? * SUN *)", lambda at: at.minute % 20 == 0 and at.hour in {1, 2} and at.weekday() == 6),
    "monthly": ("cron(50 23 L * ? *)", lambda at: (at.hour, at.minute) == (23, 50) and _is_last_of_month(at)),
}
"""Three schedules with the hours in which clocks are changed, and what they mean by the calendar."""


def enumerated(fires: Fires, begin: datetime, days: int) -> list[int]:
    """Return the instants after `begin`, found by asking about every ten minutes."""
    first = begin.replace(minute=0, second=0)
    moments = (first + timedelta(minutes=10 * number) for number in range(days * 144 + 7))
    return [_ms(at) for at in moments if begin < at <= begin + timedelta(days=days) and fires(at)]


class World:
    """A timetable that lives and dies on a clock that only the test moves."""

    def __init__(self, database: Database, policy: dict[str, Any]) -> None:
        self.database = database
        self.now_ms = _ms(START)
        self.executor = ScriptedExecutor()
        self._policy = policy
        self.timetable = self.restarted()

    def restarted(self) -> Timetable:
        """Return the timetable of another daemon's life: it knows nothing."""
        self.timetable = Timetable(
            Surroundings(
                database=self.database,
                executor=self.executor,
                now_ms=lambda: self.now_ms,
                means=some_means(**self._policy),
                changed=Bell(),
                ended=Bell(),
                timed=Bell(),
            ),
            fired=lambda: None,
        )
        return self.timetable

    async def add(self, name: str, schedule: str) -> None:
        definition = TriggerDefinition(
            type=TriggerType.SCHEDULED, schedule=schedule, actions=(Action(job_name="no such job"),)
        )
        await self.database.write(
            "add",
            lambda tx: triggers.create(
                tx, name, definition, state=TriggerState.ACTIVATED, source=None, at_ms=self.now_ms
            ),
        )

    async def live(self, until_ms: int) -> None:
        """Let the timetable live undisturbed: it sleeps as long as it asked for, but never longer than it may.

        Looks that come between, after each longest sleep, are left out but for the last and a few others.
        """
        while True:
            next_ms = await self.timetable.step()
            target_ms = until_ms if next_ms is None else min(next_ms, until_ms)
            naps = (target_ms - self.now_ms) // LONGEST_SLEEP_MS
            if naps > 1:
                self.now_ms += (naps if naps % 2 else naps // 2) * LONGEST_SLEEP_MS
            else:
                self.now_ms = max(target_ms, self.now_ms)
                if self.now_ms >= until_ms:
                    await self.timetable.step()
                    return

    async def fired(self) -> dict[str, list[tuple[int, int]]]:
        """Return the instants that each trigger fired for and when, in the order in which it did."""
        statement = "SELECT trigger_name, tick_ms, at_ms FROM firing ORDER BY firing_key"
        rows = await self.database.read(lambda tx: tx.execute(statement).fetchall())
        found: dict[str, list[tuple[int, int]]] = {name: [] for name in SCHEDULES}
        for row in rows:
            found[row["trigger_name"]].append((row["tick_ms"], row["at_ms"]))
        return found


@pytest.fixture(autouse=True)
def _zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@asynccontextmanager
async def world(**policy: Any) -> AsyncIterator[World]:
    """Lend a world in memory: that a store lasts is shown elsewhere, and here are thousands of commits."""
    with TemporaryDirectory(dir=MEMORY) as folder:
        path = Path(folder) / "state.db"
        async with open_database(path, operation_timeout_s=10) as database, anyio.create_task_group() as tasks:
            await tasks.start(database.serve)
            here = World(database, policy)
            try:
                yield here
            finally:
                database.close()


async def test_400_days_of_three_schedules_fire_each_instant_once_and_at_once() -> None:
    begin, end = START, START + timedelta(days=DAYS)
    assert begin < datetime(2028, 2, 29, tzinfo=UTC) < end
    changes = (datetime(2027, 10, 31, 1, tzinfo=UTC), datetime(2028, 3, 26, 1, tzinfo=UTC))
    for change in changes:  # of the machine's clock
        assert change.astimezone().utcoffset() != (change - timedelta(hours=1)).astimezone().utcoffset()
    async with world() as here:
        for name, (schedule, _) in SCHEDULES.items():
            await here.add(name, schedule)
        await here.live(_ms(end))
        fired = await here.fired()
    for name, (_, fires) in SCHEDULES.items():
        expected = enumerated(fires, begin, DAYS)
        assert [tick for tick, _ in fired[name]] == expected
        assert all(at == tick for tick, at in fired[name])
    assert len(fired["nightly"]) == 4 * DAYS
    assert _ms(datetime(2028, 2, 29, 23, 50, tzinfo=UTC)) in [tick for tick, _ in fired["monthly"]]


@pytest.mark.parametrize("catch_up", ["none", "one"])
@pytest.mark.parametrize("seed", range(4))
async def test_a_clock_that_jumps_and_a_daemon_that_restarts_double_nothing_and_miss_only_what_the_rules_let(
    seed: int, catch_up: str
) -> None:
    chance = random.Random(seed)
    instants = {name: enumerated(fires, START - timedelta(days=40), DAYS) for name, (_, fires) in SCHEDULES.items()}
    expected: dict[str, set[int]] = {name: set() for name in SCHEDULES}
    async with world(catch_up=catch_up) as here:
        for name, (schedule, _) in SCHEDULES.items():
            await here.add(name, schedule)
        for _ in range(60):
            await here.timetable.step()
            _look(here.now_ms, instants, expected, catches_up=catch_up == "one")
            begin = here.now_ms
            await here.live(begin + _stretch(chance))
            for name, some in instants.items():  # undisturbed, none is missed
                expected[name].update(tick for tick in some if begin < tick <= here.now_ms)
            found = await here.fired()
            assert {name: {tick for tick, _ in ticks} for name, ticks in found.items()} == expected
            for ticks in found.values():
                assert len({tick for tick, _ in ticks}) == len(ticks)
            match chance.choice(["back", "forth", "days", "restart", "restart"]):
                case "back":
                    here.now_ms -= HOUR_MS
                case "forth":
                    here.now_ms += HOUR_MS
                case "days":
                    here.now_ms += 3 * DAY_MS
                case _:
                    here.now_ms += chance.choice([0, 1, 20_000, 59_999, 60_000, 2 * HOUR_MS])  # how long it was down
                    here.restarted()
    assert sum(map(len, expected.values())) > 40


def _stretch(chance: random.Random) -> int:
    """Return for how long nothing disturbs: to the very instant, often, or to anywhere."""
    return chance.choice(
        [0, 1, chance.randint(1, 100_000), chance.randint(1, 6 * HOUR_MS), chance.randint(1, 2 * DAY_MS)]
    )


def _look(now_ms: int, instants: dict[str, list[int]], expected: dict[str, set[int]], *, catches_up: bool) -> None:
    """Tell which instant fires at the first look after a disturbance: the last one, unless it is missed or done.

    An activation bounds nothing while the clock is behind it, and then nothing is caught up.
    """
    for name, some in instants.items():
        last = max((tick for tick in some if tick <= now_ms), default=None)
        is_since = last is not None and (last > _ms(START) or now_ms < _ms(START))
        may_be_late = catches_up and now_ms >= _ms(START)
        if last is not None and is_since and (may_be_late or now_ms - last < MINUTE_MS):
            expected[name].add(last)


@pytest.mark.parametrize(("catch_up", "count"), [("none", 0), ("one", 1)])
async def test_what_was_missed_while_no_daemon_ran_fires_never_or_once_for_all(catch_up: str, count: int) -> None:
    schedule, fires = SCHEDULES["nightly"]
    async with world(catch_up=catch_up) as here:
        await here.add("nightly", schedule)
        await here.live(here.now_ms + HOUR_MS)
        here.now_ms += 10 * DAY_MS
        here.restarted()
        await here.live(here.now_ms + HOUR_MS)
        fired = [tick for tick, _ in (await here.fired())["nightly"]]
        missed = [tick for tick in enumerated(fires, START, 20) if tick < here.now_ms]
    assert len(missed) == 40
    assert fired == missed[-1:] * count


@pytest.mark.parametrize("catch_up", ["none", "one"])
async def test_a_restart_in_the_minute_of_an_instant_fires_it_only_where_it_has_not_fired(catch_up: str) -> None:
    instant = _ms(datetime(2027, 9, 2, 0, 30, tzinfo=UTC))
    async with world(catch_up=catch_up) as here:
        await here.add("nightly", SCHEDULES["nightly"][0])
        here.now_ms = instant - 1
        await here.timetable.step()
        assert (await here.fired())["nightly"] == []
        here.now_ms = instant + 5_000  # it was down at the instant, and is up again at once
        for _ in range(3):
            await here.restarted().step()
            here.now_ms += 20_000
            assert (await here.fired())["nightly"] == [(instant, instant + 5_000)]


async def test_an_instant_that_an_activation_or_a_new_schedule_comes_after_is_not_fired() -> None:
    async with world(catch_up="one") as here:
        here.now_ms = _ms(datetime(2027, 9, 2, 0, 30, 20, tzinfo=UTC))
        await here.add("nightly", SCHEDULES["nightly"][0])
        await here.timetable.step()
        assert (await here.fired())["nightly"] == []
        await here.live(here.now_ms + HOUR_MS)
        assert len((await here.fired())["nightly"]) == 1


async def test_a_trigger_that_is_not_active_fires_at_none_of_its_instants() -> None:
    async with world() as here:
        await here.add("nightly", SCHEDULES["nightly"][0])
        off = TriggerState.DEACTIVATED
        await here.database.write(
            "stop", lambda tx: triggers.set_state(tx, triggers.get(tx, "nightly"), off, at_ms=here.now_ms)
        )
        assert await here.timetable.step() is None
        await here.live(here.now_ms + 3 * DAY_MS)
        assert (await here.fired())["nightly"] == []

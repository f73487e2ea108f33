"""Live runs are looked at together, in one write; without a live run nothing is done at all."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import anyio
import pytest
import structlog

from orchestrator.executors.interface import Alive, Usage
from orchestrator.model.errors import StoreFullError
from orchestrator.model.records import JobRun
from orchestrator.model.sampling import Sample
from orchestrator.model.states import RunEvent
from orchestrator.store import job_runs, samples
from orchestrator.store.database import Database, Transaction, open_database
from orchestrator.supervisor import sampling
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.sampling import Sampling
from orchestrator.supervisor.surroundings import Surroundings
from tests.support.records import NOW_MS, some_means, stored_run
from tests.support.scripted_executor import ScriptedExecutor
from tests.support.waiting import until_async

WITHIN_S: Final = 20
_MIB: Final = 1024 * 1024


@dataclass
class World:
    """A sampling whose clock and runs a test sets."""

    database: Database
    executor: ScriptedExecutor = field(default_factory=ScriptedExecutor)
    carried: list[JobRun] = field(default_factory=list)
    occupied: Bell = field(default_factory=Bell)
    clock_ms: int = 5_000_000
    sampling: Sampling = field(init=False)

    def __post_init__(self) -> None:
        """Make the sampling."""
        self.sampling = self.another()

    def another(self) -> Sampling:
        """Return a sampling that knows nothing, as after a restart."""
        around = Surroundings(
            database=self.database,
            executor=self.executor,
            now_ms=lambda: NOW_MS + self.clock_ms,
            means=some_means(),
            changed=Bell(),
            ended=Bell(),
            timed=Bell(),
        )
        return Sampling(around, lambda: self.carried, self.occupied)

    async def launch(self, number: int) -> JobRun:
        """Have a run launched now, which is alive."""

        def work(tx: Transaction) -> JobRun:
            run = stored_run(tx, number)
            return job_runs.move(tx, run, RunEvent.LAUNCHED, at_ms=NOW_MS + self.clock_ms)

        run = await self.database.write("launch", work)
        self.carried.append(run)
        self.executor.seen[run.id] = Alive()
        self.use(run, 0)
        await self.sampling.step()  # one of those that come each second: it is noticed
        return run

    def use(self, run: JobRun, cpu_ms: int, processes: int = 1) -> None:
        """Say what a run uses from now on."""
        self.executor.used[run.id] = Usage(cpu_ms=cpu_ms, rss_bytes=processes * _MIB, processes=processes)

    async def after(self, spent_ms: int) -> int:
        """Let time pass and look; return at how many runs."""
        self.clock_ms += spent_ms
        return await self.sampling.step()

    async def kept(self, run: JobRun) -> list[Sample]:
        return await self.database.read(lambda tx: samples.list_of_run(tx, run.seq))


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    with anyio.fail_after(WITHIN_S):
        async with (
            open_database(tmp_path / "state.db", operation_timeout_s=10) as database,
            anyio.create_task_group() as tasks,
        ):
            await tasks.start(database.serve)
            made = World(database)
            monkeypatch.setattr(sampling, "_clock_ms", lambda: made.clock_ms)
            yield made
            database.close()


async def test_a_run_that_is_over_within_a_second_is_never_looked_at(world: World) -> None:
    await world.launch(1)
    for _ in range(9):
        assert await world.after(100) == 0
    world.carried.clear()
    assert await world.after(1000) == 0
    assert world.executor.usage_asked == []


async def test_what_a_run_uses_is_kept_with_the_time_since_its_launch(world: World) -> None:
    run = await world.launch(1)
    world.use(run, 700, processes=3)
    assert await world.after(1000) == 1
    world.use(run, 1700, processes=2)
    assert await world.after(1000) == 1
    assert await world.kept(run) == [
        Sample(after_ms=1000, cpu_ms=700, rss_bytes=3 * _MIB, processes=3),
        Sample(after_ms=2000, cpu_ms=1700, rss_bytes=2 * _MIB, processes=2),
    ]
    assert [one.processes for one in world.sampling.seen()] == [2]


async def test_all_runs_that_are_due_are_looked_at_at_once_and_kept_by_one_write(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for number in range(20):
        found.append(await world.launch(number))
        world.clock_ms += 37
    writes: list[str] = []
    write = world.database.write

    async def noted(name: str, *arguments: object, **options: object) -> object:
        writes.append(name)
        return await write(name, *arguments, **options)  # type: ignore[arg-type]

    await world.after(0)
    monkeypatch.setattr(world.database, "write", noted)
    world.clock_ms += 2000
    assert await world.sampling.step() == 20
    assert writes == ["keep_samples"]
    assert world.executor.usage_asked == [[run.id for run in found]]


async def test_runs_of_any_age_are_looked_at_on_the_same_beat(world: World) -> None:
    old = await world.launch(1)
    world.clock_ms += 10_000_000
    young = await world.launch(2)
    looks = []
    for _ in range(128):
        world.executor.usage_asked.clear()
        await world.after(1000)
        looks.append([run_id for asked in world.executor.usage_asked for run_id in asked])
    assert sum(old.id in look for look in looks) == 4  # every 32 s
    assert sum(young.id in look for look in looks) >= 127
    assert all(young.id in look for look in looks if old.id in look)


async def test_a_run_that_cannot_be_seen_is_left_out_and_no_other(world: World) -> None:
    gone, seen = await world.launch(1), await world.launch(2)
    del world.executor.used[gone.id]
    world.executor.usage_asked.clear()
    assert await world.after(1000) == 1
    assert (await world.kept(gone), len(await world.kept(seen))) == ([], 1)


async def test_a_daemon_that_comes_after_goes_on_where_the_last_one_was(world: World) -> None:
    run = await world.launch(1)
    world.use(run, 900)
    await world.after(1000)
    world.sampling = world.another()
    await world.after(0)
    world.use(run, 500)  # of what had ended meanwhile, not all can be seen
    await world.after(5000)
    assert [(one.after_ms, one.cpu_ms) for one in await world.kept(run)] == [(1000, 900), (6000, 900)]


async def test_a_run_that_is_not_launched_has_no_age(world: World) -> None:
    run = await world.launch(1)
    world.carried[0] = replace(run, launched_on_ms=None)
    assert await world.after(60_000) == 0
    assert world.executor.usage_asked == []


async def test_a_full_disk_is_told_once_and_what_is_seen_afterwards_is_kept(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await world.launch(1)

    async def refuse(*arguments: object, **options: object) -> None:
        raise StoreFullError("full")

    with structlog.testing.capture_logs() as told, monkeypatch.context() as full:
        full.setattr(world.database, "write", refuse)
        for _ in range(3):
            world.clock_ms += 1000
            await world.sampling._try_step()
    assert [one["event"] for one in told] == ["samples_not_kept"]
    world.clock_ms += 1000
    await world.sampling._try_step()
    assert [one.after_ms for one in await world.kept(run)] == [4000]


async def test_without_a_run_there_is_no_timer_and_the_first_one_is_noticed(world: World) -> None:
    def timers() -> int:
        return len([timer for timer in asyncio.get_running_loop()._scheduled if not timer.cancelled()])  # type: ignore[attr-defined]

    def has_been_seen() -> bool:
        world.clock_ms += 100
        return bool(world.sampling.seen())

    before = timers()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.sampling.serve)
        await anyio.wait_all_tasks_blocked()
        assert timers() == before
        await world.launch(1)
        world.occupied.ring()
        await until_async(has_been_seen, within_s=10, what="a look")
        world.carried.clear()
        await until_async(lambda: timers() == before + 1, what="the end of the timer")  # the one is this wait's own
        assert world.sampling.seen() == []
        tasks.cancel_scope.cancel()

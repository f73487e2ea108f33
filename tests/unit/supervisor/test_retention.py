"""What is over for long goes, files first and rows in slices; what anybody may still need stays."""

from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from orchestrator.executors.interface import Alive
from orchestrator.model.errors import StoreFullError
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import JobRun
from orchestrator.model.triggers import TriggerState, TriggerType
from orchestrator.model.workflows import graph
from orchestrator.store import chains, room, triggers
from orchestrator.store.database import Database, open_database
from orchestrator.store.room import KEPT_PAGES
from orchestrator.supervisor import retention as retention_module
from orchestrator.supervisor import sequel, workflow_runs
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.lifetime import Surroundings
from orchestrator.supervisor.retention import Retention
from tests.support.chain_scene import Scene, invocation
from tests.support.hearing import Hearing
from tests.support.records import NOW_MS, opened, some_means
from tests.support.scripted_executor import ScriptedExecutor

WITHIN_S: Final = 20
DAY_MS: Final = 24 * 60 * 60 * 1000
DAYS: Final = 10
_GROWING: Final = (
    "job_run", "job_run_transition", "job_run_predecessor", "event", "chain", "firing", "workflow_run",
    "chain_inherited_run",
)  # fmt: skip


class World:
    """A store in which a scene plays, and a retention beside it on the clock of the scene."""

    def __init__(self, scene: Scene, database: Database) -> None:
        self.scene = scene
        self.database = database
        self.executor = ScriptedExecutor()
        self.hearing = Hearing()
        self.around = Surroundings(
            database=database,
            executor=self.executor,
            now_ms=lambda: scene.at_ms,
            means=some_means(),
            changed=Bell(),
            ended=Bell(),
            timed=Bell(),
            observer=self.hearing,
        )

    async def retire(self, *, later_days: float = DAYS + 1, **settings: Any) -> None:
        """Let days go by, and do what is due then."""
        self.scene.at_ms += int(later_days * DAY_MS)
        await self.retention(**settings).step()

    def retention(self, *, days: int = DAYS, file_bytes: int = 0, size: int = 3) -> Retention:
        return Retention(self.around, days=days, file_bytes=file_bytes, pause_s=0, size=size)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.scene.store.execute(statement)]

    def left(self) -> list[JobRunId]:
        return [run.id for run in self.scene.runs()]

    def check_empty(self) -> None:
        """Hold that nothing is left of any run."""
        assert {table: self.rows(f"SELECT * FROM {table}") for table in _GROWING} == {table: [] for table in _GROWING}  # noqa: S608

    def run(self, job: str = "a", end: str | None = "SUCCEEDED", **members: Any) -> JobRun:
        """Let a run be started and launched, and end."""
        run = self.scene.launch(self.scene.start(job, **members))
        if end is not None:
            self.scene.end(run, end)
        return run


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    path = tmp_path / "state.db"
    with anyio.fail_after(WITHIN_S):
        async with (
            open_database(path, operation_timeout_s=10) as database,
            anyio.create_task_group() as tasks,
        ):
            await tasks.start(database.serve)
            scene = Scene(path)
            with closing(scene.store):
                scene.job("a", "b", "c", max_concurrent_runs=99)
                world = World(scene, database)
                try:
                    yield world
                finally:
                    database.close()


# What goes.


async def test_a_run_goes_when_it_is_over_for_long_enough_and_not_before(world: World) -> None:
    run = world.run(invocation=invocation(1))
    await world.retire(later_days=DAYS)
    assert (world.left(), world.executor.discarded) == ([run.id], [])
    world.scene.at_ms += 1
    await world.retire(later_days=0)
    assert world.executor.discarded == [run.id]
    assert world.hearing.heard == [("retired", 1)]
    world.check_empty()


async def test_it_counts_from_the_end_not_from_the_acceptance(world: World) -> None:
    run = world.run(end=None)
    world.scene.at_ms += 100 * DAY_MS
    world.scene.end(run)
    await world.retire(later_days=DAYS - 1)
    assert world.left() == [run.id]


async def test_without_a_limit_nothing_goes(world: World) -> None:
    run = world.run()
    await world.retire(later_days=10_000, days=0)
    assert world.left() == [run.id]


async def test_everything_of_a_chain_goes(world: World) -> None:
    scene = world.scene
    scene.trigger("root", "a")
    scene.trigger("then", "b", when={"a": "SUCCEEDED"})
    (first,) = scene.fire("root", invocation(1))
    (second,) = scene.end(scene.launch(first))
    scene.end(scene.launch(second))
    for name in ("root", "then"):
        triggers.delete(scene.store, triggers.get(scene.store, name))
    await world.retire()
    world.check_empty()
    assert set(world.executor.discarded) == {first.id, second.id}


async def test_a_workflow_run_goes_with_its_runs_and_one_that_took_over_runs_goes_before_those(world: World) -> None:
    scene = world.scene
    scene.workflow("w")
    scene.trigger("t", "a", workflow_name="w")
    scene.trigger("u", "b", workflow_name="w", when={"a": "SUCCEEDED"})
    run = scene.start_workflow("w", invocation(1))
    (a,) = scene.runs()
    (b,) = scene.end(scene.launch(a))
    scene.end(scene.launch(b), "FAILED")
    node = next(one for one in graph(run.triggers).nodes if one.name == "b").unique_id("w")
    workflow_runs.resume(scene.store, "w", run.id, [node], invocation=None, means=scene.means, at_ms=scene.at_ms)
    (again,) = [one for one in scene.runs() if one.completed_on_ms is None]
    for name in ("t", "u"):
        triggers.delete(scene.store, triggers.get(scene.store, name))
    await world.retire()
    assert len(world.left()) == 3, "the live workflow run needs what it has taken over"
    scene.end(scene.launch(again))
    await world.retire()
    await world.retire(later_days=0)
    world.check_empty()


async def test_a_chain_in_which_nothing_ran_goes(world: World) -> None:
    key = chains.create(world.scene.store, at_ms=NOW_MS)
    chains.record_firing(world.scene.store, "gone", key, at_ms=NOW_MS)
    await world.retire()
    world.check_empty()


async def test_many_go_in_slices_of_which_none_is_larger_than_allowed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = world.scene
    for _ in range(10):
        world.run()
    family = world.run()
    for _ in range(7):
        world.run(retry_of=str(family.id))
    key = chains.create(scene.store, at_ms=NOW_MS)
    (first,) = [world.run()]
    scene.store.execute("UPDATE job_run SET chain_key = ? WHERE seq = ?", (key, first.seq))
    for _ in range(7):
        world.run(retry_of=str(first.id))
    counts: list[int] = []
    write = world.database.write

    async def counting(name: str, work: Callable[[Any], Any], **options: Any) -> Any:
        before = len(scene.runs())
        result = await write(name, work, **options)
        counts.append(before - len(scene.runs()))
        return result

    monkeypatch.setattr(world.database, "write", counting)
    await world.retire(size=3)
    world.check_empty()
    assert max(counts) <= 3
    assert sum(counts) == 10 + 8 + 8


# What stays.


async def test_live_runs_stay_whatever_their_age(world: World) -> None:
    waiting, running = world.scene.start("a"), world.run(end=None)
    await world.retire()
    assert world.left() == [waiting.id, running.id]


async def test_a_run_whose_retry_is_to_come_stays(world: World) -> None:
    world.scene.job("flaky", max_retries=1)
    run = world.run("flaky", "FAILED")
    await world.retire()
    assert world.left() == [run.id]


async def test_attempts_go_together(world: World) -> None:
    first = world.run()
    world.scene.at_ms += 5 * DAY_MS
    second = world.run(retry_of=str(first.id))
    await world.retire(later_days=DAYS - 1)
    assert world.left() == [first.id, second.id]
    await world.retire(later_days=2)
    assert world.left() == []


async def test_a_chain_stays_whole_while_one_of_its_runs_is_young_or_live(world: World) -> None:
    scene = world.scene
    scene.trigger("root", "a")
    scene.trigger("then", "c", when={"a": "SUCCEEDED", "b": "SUCCEEDED"})
    scene.trigger("also", "b", when={"a": "SUCCEEDED"})
    (a,) = scene.fire("root")
    (b,) = scene.end(scene.launch(a))
    scene.launch(b)
    (other,) = scene.fire("root")  # so that the first chain holds no last firing
    scene.end(scene.launch(other))
    await world.retire()
    assert a.id in world.left(), "a trigger of its chain still waits for b"
    (c,) = scene.end(b)
    assert scene.predecessors(c) == [("a", str(a.id)), ("b", str(b.id))]


async def test_the_last_firing_of_a_trigger_stays_so_that_no_instant_fires_twice(world: World) -> None:
    scene = world.scene
    yearly = scene.trigger(
        "yearly", "a", type=TriggerType.SCHEDULED, schedule="cron(0 0 1 1 ? *)", state=TriggerState.ACTIVATED
    )
    for tick_ms in (NOW_MS, NOW_MS + 1):
        key = chains.create(scene.store, at_ms=scene.at_ms)
        ended = sequel.fire(scene.store, yearly, key, (), tick_ms=tick_ms, means=scene.means, at_ms=scene.at_ms)
        assert ended == []
        scene.end(scene.launch(scene.runs()[-1]))
    await world.retire()
    assert not chains.has_fired_for(scene.store, "yearly", NOW_MS)
    assert chains.has_fired_for(scene.store, "yearly", NOW_MS + 1)
    assert len(world.left()) == 1


async def test_a_run_whose_files_cannot_go_keeps_its_rows_and_holds_up_no_other(world: World) -> None:
    stuck, held, other = world.run(), world.run(), world.run()

    def refuse(run_id: JobRunId) -> None:
        if run_id == stuck.id:
            raise OSError("a disk that fails")

    world.executor.on_discard = refuse
    world.executor.seen[held.id] = Alive()
    await world.retire(size=1)
    assert world.left() == [stuck.id, held.id]
    assert world.executor.discarded == [other.id]


async def test_a_run_that_is_retried_while_its_files_go_keeps_its_rows(world: World) -> None:
    world.run()

    def retry(run_id: JobRunId) -> None:
        world.scene.start("a", retry_of=str(run_id))

    world.executor.on_discard = retry
    await world.retire()
    assert len(world.left()) == 2


async def test_a_page_from_a_clock_that_was_ahead_does_not_end_the_search(world: World) -> None:
    scene = world.scene
    scene.at_ms += 1_000 * DAY_MS
    ahead = [world.run() for _ in range(250)]
    scene.at_ms = NOW_MS
    old = world.run()
    await world.retire()
    assert old.id not in world.left()
    assert len(world.left()) == len(ahead)


async def test_free_pages_are_returned_a_slice_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.scene.store.execute("CREATE TABLE filler (content BLOB)")
    world.scene.store.execute("INSERT INTO filler VALUES (zeroblob(?))", (3 * KEPT_PAGES * 4096,))
    world.scene.store.execute("DROP TABLE filler")
    slices = []
    give_back = room.give_back

    def counting(tx: Any, *, limit: int) -> int:
        slices.append(limit)
        return give_back(tx, limit=limit)

    monkeypatch.setattr(room, "give_back", counting)
    await world.retire()

    assert world.rows("PRAGMA freelist_count") == [(KEPT_PAGES,)]
    assert len(slices) >= 2 * KEPT_PAGES // retention_module.PAGES
    assert set(slices) == {retention_module.PAGES}


async def test_a_page_of_young_runs_ends_the_search(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.scene.at_ms += DAY_MS * 100
    for _ in range(250):
        world.run()
    looks = 0
    read = world.database.read

    async def counting(work: Callable[[Any], Any]) -> Any:
        nonlocal looks
        looks += 1
        return await read(work)

    monkeypatch.setattr(world.database, "read", counting)
    await world.retire(later_days=0)
    assert looks == 3  # one at chains, one at the first 200 runs, and one at free pages


async def test_trouble_of_ours_only_delays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FIRST_AFTER_S", "ROUND_S"):
        monkeypatch.setattr(retention_module, name, 0)
    world.run()
    gone = anyio.Event()
    troubles = [RuntimeError("a bug"), StoreFullError("the store is full")]

    def discard(run_id: JobRunId) -> None:
        if troubles:
            raise troubles.pop()
        gone.set()

    world.executor.on_discard = discard
    world.scene.at_ms += (DAYS + 1) * DAY_MS
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(world.retention().serve)
        await gone.wait()
        tasks.cancel_scope.cancel()
    assert troubles == []


async def test_without_any_limit_it_does_not_even_wait(world: World) -> None:
    await world.retention(days=0).serve()


# Room for files.


async def test_the_files_of_those_that_ended_first_go_until_the_others_fit(world: World) -> None:
    late = world.run(end=None)
    runs = [world.run() for _ in range(9)]
    world.scene.end(late)
    for run in (late, *runs):
        world.executor.sizes[run.id] = 100
    await world.retire(later_days=0, file_bytes=450)
    assert world.executor.discarded == [run.id for run in runs[:6]]
    assert len(world.left()) == 10


async def test_what_is_counted_is_kept_up_as_runs_end_and_go(world: World) -> None:
    retention = world.retention(file_bytes=250)
    first = [world.run() for _ in range(2)]
    for run in first:
        world.executor.sizes[run.id] = 100
    await retention.step()
    assert world.executor.discarded == []
    world.scene.at_ms += (DAYS + 1) * DAY_MS
    await retention.step()  # both go by their age
    assert world.executor.discarded == [run.id for run in first]
    third = [world.run() for _ in range(3)]
    for run in third:
        world.executor.sizes[run.id] = 100
    await retention.step()
    assert world.executor.discarded == [run.id for run in (*first, third[0])]
    await retention.step()
    assert len(world.executor.discarded) == 3


async def test_a_live_runs_files_stay_whatever_room_they_take(world: World) -> None:
    run = world.run(end=None)
    world.executor.sizes[run.id] = 10**12
    await world.retire(file_bytes=1)
    assert world.executor.discarded == []


async def test_files_that_cannot_go_do_not_keep_it_busy(world: World) -> None:
    held, other = world.run(), world.run()
    for run in (held, other):
        world.executor.sizes[run.id] = 100
    world.executor.seen[held.id] = Alive()
    retention = world.retention(file_bytes=50)
    await retention.step()
    assert world.executor.discarded == [other.id]
    young = world.run()
    await retention.step()
    assert world.executor.discarded == [other.id, young.id], "the held one still takes more than all may"


async def test_nothing_dangles(world: World, tmp_path: Path) -> None:
    scene = world.scene
    scene.trigger("root", "a")
    for _ in range(5):
        (run,) = scene.fire("root")
        scene.end(scene.launch(run))
        world.run()
    await world.retire()
    with closing(opened(tmp_path / "state.db")) as store:
        assert store.execute("PRAGMA foreign_key_check").fetchall() == []
    assert len(world.left()) == 1  # of the last firing

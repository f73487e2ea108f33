"""Every accepted run is carried to its last state, whatever is seen of it and in whatever order it is seen.

The store is real; where runs execute is scripted, so each sight comes when the test says so.
"""

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from orchestrator.executors.interface import Alive, Ended, LaunchSpec, Lost, Over, Revoked, Unclaimed, Unknown
from orchestrator.model.errors import LaunchError, StoreBrokenError, StoreFullError, UnavailableError
from orchestrator.model.ids import JobRunId
from orchestrator.model.queue import Limits
from orchestrator.model.records import Capacity, JobDefinition, JobRun
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.store import bookmarks, chains, job_runs, jobs
from orchestrator.store.database import Database, Transaction, open_database
from orchestrator.supervisor import lifetime
from orchestrator.supervisor import supervisor as room
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.lifetime import Surroundings
from orchestrator.supervisor.supervisor import Supervisor
from tests.support.hearing import Hearing
from tests.support.records import NOW_MS, a_definition, a_new_run, a_reported_bookmark, an_ending, run_id, some_means
from tests.support.scripted_executor import ScriptedExecutor

WITHIN_S: Final = 20
S: Final = JobRunState


@dataclass
class World:
    """A supervisor with all that it needs, and what a test does to it."""

    database: Database
    executor: ScriptedExecutor
    limits: Limits = field(default_factory=lambda: Limits(dpus=100, max_processes=100))
    changed: Bell = field(default_factory=Bell)
    hearing: Hearing = field(default_factory=Hearing)
    supervisor: Supervisor = field(init=False)

    def __post_init__(self) -> None:
        """Make the supervisor."""
        around = Surroundings(
            database=self.database,
            executor=self.executor,
            now_ms=lambda: NOW_MS,
            means=some_means(),
            changed=self.changed,
            ended=Bell(),
            timed=Bell(),
            observer=self.hearing,
        )
        self.supervisor = Supervisor(around, self.limits)

    async def accept(
        self,
        number: int,
        *,
        job: str = "etl",
        definition: JobDefinition | None = None,
        is_told: bool = True,
        is_handed_over: bool = False,
        **changes: Any,
    ) -> JobRun:
        """Store a run and tell the supervisor; return it."""
        definition = definition or a_definition(max_concurrent_runs=100)

        def work(tx: Transaction) -> JobRun:
            found = jobs.find(tx, job) or jobs.create(tx, job, definition, source=None, at_ms=NOW_MS)
            return job_runs.insert(tx, a_new_run(found, number, **changes))

        run = await self.database.write("accept", work)
        if is_handed_over:
            self.supervisor.accepted(run, definition.concurrency_limit)
        elif is_told:
            self.supervisor.accepted()
        return run

    async def move(self, run: JobRun, event: RunEvent) -> None:
        """Move a run as a daemon before this one did."""
        await self.database.write(
            "move", lambda tx: job_runs.move(tx, run.id, event, at_ms=NOW_MS, error_message="stop")
        )

    async def stop(self, run: JobRun) -> None:
        """Accept a stop and tell the supervisor."""
        await self.move(run, RunEvent.STOP_REQUESTED)
        self.supervisor.stop_requested([run.id])
        self.changed.ring()

    async def run(self, run: JobRun) -> JobRun:
        """Return the run as the store has it."""
        return await self.database.read(lambda tx: job_runs.get_by_id(tx, run.id))

    async def until(self, run: JobRun, *states: JobRunState) -> JobRun:
        """Return the run when it is in one of `states`."""
        while True:
            rung = self.changed.listen()
            found = await self.run(run)
            if found.state in states:
                return found
            await rung.wait()

    async def settled(self) -> None:
        """Let everything happen that happens without anything else happening."""
        await anyio.wait_all_tasks_blocked()
        for _ in range(5):
            await self.database.read(lambda tx: None)
            await self.database.write("nothing", lambda tx: None)
            await anyio.wait_all_tasks_blocked()

    def launched(self) -> list[JobRunId]:
        return [spec.run_id for spec in self.executor.launched]

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Have the supervisor work until this is left."""
        async with anyio.create_task_group() as tasks:
            await tasks.start(self.supervisor.serve)
            yield
            tasks.cancel_scope.cancel()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with anyio.fail_after(WITHIN_S):
        async with (
            open_database(tmp_path / "state.db", operation_timeout_s=10) as database,
            anyio.create_task_group() as tasks,
        ):
            await tasks.start(database.serve)
            world = World(database, ScriptedExecutor())
            yield world
            database.close()


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second of patience in the daemon is a moment here."""
    for module in (lifetime, room):
        monkeypatch.setattr(module, "RETRY_INTERVAL_S", 0.01)


async def test_a_run_is_launched_recorded_and_settled(world: World) -> None:
    async with world.serving():
        run = await world.accept(1)
        assert (await world.until(run, S.RUNNING)).launched_on_ms == NOW_MS
        world.executor.end(run.id, an_ending())
        ended = await world.until(run, S.SUCCEEDED)
    assert world.launched() == [run.id]
    assert (ended.error_message, ended.figures) == (None, an_ending().figures)


@pytest.mark.parametrize("is_seen_alive", [True, False])
async def test_a_launch_and_what_was_kept_of_the_output_are_heard_once(world: World, *, is_seen_alive: bool) -> None:
    ending = an_ending(log_bytes=7)
    if not is_seen_alive:
        world.executor.on_launch = lambda spec: world.executor.end(spec.run_id, ending)
    async with world.serving():
        run = await world.accept(1)
        if is_seen_alive:
            await world.until(run, S.RUNNING)
            world.supervisor._lifetimes[run.id].wake()  # nothing has happened
            await world.settled()
            world.executor.end(run.id, ending)
        await world.until(run, S.SUCCEEDED)
        await world.settled()
    assert world.hearing.names() == ["accepted", "asked", "logged"]
    accepted_s, asked_s, logged_bytes = [figure for _, figure in world.hearing.heard]
    assert 0 <= asked_s < WITHIN_S
    assert (accepted_s, logged_bytes) == (0, 7)


async def test_a_launch_that_another_daemon_has_asked_for_is_not_heard(world: World) -> None:
    run = await world.accept(1, is_told=False)
    await world.move(run, RunEvent.LAUNCHED)
    world.executor.seen[run.id] = Alive()
    async with world.serving():
        await world.settled()
        assert world.supervisor.carried[0].id == run.id
    assert world.hearing.heard == []


async def test_the_first_run_that_is_held_is_rung_for_and_the_first_in_the_queue_is_told(world: World) -> None:
    world.limits = Limits(dpus=1, max_processes=1)
    world.__post_init__()
    rung = world.supervisor.occupied.listen()
    rings = [rung.is_set()]
    async with world.serving():
        await world.settled()
        rings.append(rung.is_set())
        assert (world.supervisor.carried, world.supervisor.longest_queued) == ([], None)
        first, second, _ = [await world.accept(number) for number in (1, 2, 3)]
        await world.until(first, S.RUNNING)
        assert [*rings, rung.is_set()] == [False, False, True]
        assert [run.id for run in world.supervisor.carried] == [first.id]
        assert world.supervisor.longest_queued is not None
        assert world.supervisor.longest_queued.id == second.id


async def test_an_end_that_is_seen_before_the_launch_was_recorded_replays_the_launch(world: World) -> None:
    world.executor.on_launch = lambda spec: world.executor.end(spec.run_id, an_ending())
    async with world.serving():
        run = await world.accept(1)
        await world.until(run, S.SUCCEEDED)
    events = [step.event for step in await world.database.read(lambda tx: job_runs.history(tx, run))]
    assert events == [None, RunEvent.LAUNCHED, RunEvent.SUCCEEDED]


async def test_a_launch_that_is_refused_here_fails_the_run_with_the_reason(world: World) -> None:
    def refuse(spec: LaunchSpec) -> None:
        raise LaunchError("no such interpreter")

    world.executor.on_launch = refuse
    async with world.serving():
        run = await world.accept(1)
        failed = await world.until(run, S.FAILED)
    assert failed.error_message == "no such interpreter"
    assert world.executor.revoked == [run.id]


async def test_a_launch_that_the_shim_refuses_fails_the_run_with_its_words(world: World) -> None:
    world.executor.on_launch = lambda spec: world.executor.see(
        spec.run_id, Unclaimed("[Errno 28] No space left on device")
    )
    async with world.serving():
        run = await world.accept(1)
        failed = await world.until(run, S.FAILED)
    assert failed.error_message == "[Errno 28] No space left on device"
    assert world.launched() == [run.id]


async def test_a_shim_that_dies_before_its_claim_is_followed_by_two_more_and_no_others(world: World) -> None:
    world.executor.on_launch = lambda spec: world.executor.see(spec.run_id, Unclaimed())
    async with world.serving():
        run = await world.accept(1)
        failed = await world.until(run, S.FAILED)
    assert failed.error_message == "The run's shim died 3 times before it could claim the run"
    assert world.launched() == [run.id] * 3


async def test_a_shim_that_dies_once_before_its_claim_costs_nothing(world: World) -> None:
    def die_once(spec: LaunchSpec) -> None:
        world.executor.see(spec.run_id, Unclaimed() if len(world.executor.launched) == 1 else Alive())

    world.executor.on_launch = die_once
    async with world.serving():
        run = await world.accept(1)
        await world.until(run, S.RUNNING)
    assert world.launched() == [run.id] * 2


async def test_a_stop_that_overtakes_the_launch_takes_the_claim(world: World) -> None:
    world.executor.on_launch = lambda spec: None  # the shim is slow
    async with world.serving():
        run = await world.accept(1)
        await world.settled()
        await world.stop(run)
        stopped = await world.until(run, S.STOPPED)
    assert stopped.error_message == "Job run stopped by request before it started"
    assert world.executor.revoked == [run.id]


async def test_a_stop_that_loses_the_claim_to_the_shim_asks_the_shim(world: World) -> None:
    world.executor.on_launch = lambda spec: None
    world.executor.on_revoke = lambda run_id: world.executor.see(run_id, Alive())
    world.executor.on_stop = lambda run_id: world.executor.end(run_id, an_ending(exit_code=1))
    async with world.serving():
        run = await world.accept(1)
        await world.settled()
        await world.stop(run)
        stopped = await world.until(run, S.STOPPED)
    assert stopped.error_message == "Job run stopped by request"
    assert stopped.launched_on_ms == NOW_MS
    assert world.executor.stopped == [run.id]


async def test_a_stop_of_a_live_run_asks_its_shim_once(world: World) -> None:
    async with world.serving():
        run = await world.accept(1)
        await world.until(run, S.RUNNING)
        await world.stop(run)
        await world.settled()
        await world.stop(run)
        await world.settled()
        assert world.executor.stopped == [run.id]
        world.executor.end(run.id, an_ending())
        assert (await world.until(run, S.STOPPED)).error_message == "Job run stopped by request"


async def test_a_stop_of_a_queued_run_takes_its_claim_and_no_slot(world: World) -> None:
    async with world.serving():
        first = await world.accept(1, capacity=Capacity(dpu=100))
        await world.until(first, S.RUNNING)
        queued = await world.accept(2, capacity=Capacity(dpu=1))
        await world.settled()
        assert (await world.run(queued)).state is S.STARTING
        await world.stop(queued)
        await world.until(queued, S.STOPPED)
    assert world.launched() == [first.id]
    assert world.executor.revoked == [queued.id]


async def test_a_stop_of_a_waiting_run_ends_it_and_frees_its_place(world: World) -> None:
    async with world.serving():
        first = await world.accept(1, capacity=Capacity(dpu=100))
        await world.until(first, S.RUNNING)
        waiting = await world.accept(2, state=S.WAITING, queuing_enabled=True)
        last = await world.accept(3)
        await world.settled()
        await world.stop(waiting)
        assert (await world.run(waiting)).state is S.STOPPED
        await world.settled()
        assert list(world.supervisor.waits()) == [last.id]
        world.executor.end(first.id, an_ending())
        await world.until(last, S.RUNNING)
    assert waiting.id not in world.launched()


async def test_a_waiting_run_is_admitted_when_it_starts(world: World) -> None:
    async with world.serving():
        run = await world.accept(1, state=S.WAITING, queuing_enabled=True)
        await world.until(run, S.RUNNING)
    states = [step.to_state for step in await world.database.read(lambda tx: job_runs.history(tx, run))]
    assert states == [S.WAITING, S.STARTING, S.RUNNING]


async def test_not_knowing_never_changes_a_state(world: World) -> None:
    async with world.serving():
        run = await world.accept(1)
        running = await world.until(run, S.RUNNING)
        world.executor.see(run.id, Unknown())
        await world.settled()
        assert await world.run(run) == running
        assert world.executor.looks[-1] == run.id
        world.executor.end(run.id, an_ending())
        await world.until(run, S.SUCCEEDED)


async def test_a_lost_run_is_swept_and_then_failed(world: World) -> None:
    async with world.serving():
        run = await world.accept(1)
        await world.until(run, S.RUNNING)
        world.executor.see(run.id, Lost("its shim died"))
        failed = await world.until(run, S.FAILED)
    assert failed.error_message == "How the script ended is unknown: its shim died"
    assert world.executor.swept == [run.id]
    assert world.launched() == [run.id]


async def test_a_lost_run_that_was_being_stopped_is_stopped(world: World) -> None:
    async with world.serving():
        run = await world.accept(1)
        await world.until(run, S.RUNNING)
        await world.stop(run)
        world.executor.see(run.id, Lost("its shim died"))
        stopped = await world.until(run, S.STOPPED)
    assert stopped.error_message == "Job run stopped by request; How the script ended is unknown: its shim died"


async def test_a_running_run_whose_directory_is_gone_is_never_started_again(world: World) -> None:
    async with world.serving():
        run = await world.accept(1)
        await world.until(run, S.RUNNING)
        world.executor.see(run.id, Unclaimed())
        failed = await world.until(run, S.FAILED)
    assert failed.error_message == "How the script ended is unknown: its run directory is gone"
    assert world.executor.revoked == world.executor.swept == [run.id]
    assert world.launched() == [run.id]


@pytest.mark.parametrize("is_seen_alive", [True, False], ids=["seen alive", "heard only"])
async def test_a_run_whose_directory_is_gone_before_its_launch_was_recorded_is_never_started_again(
    world: World, monkeypatch: pytest.MonkeyPatch, *, is_seen_alive: bool
) -> None:
    monkeypatch.setattr(lifetime, "LAUNCH_GRACE_S", WITHIN_S)
    if not is_seen_alive:
        world.executor.on_launch = lambda spec: world.executor.see(spec.run_id, Unclaimed(was_claimed=True))
    async with world.serving():
        run = await world.accept(1)
        if is_seen_alive:
            await world.settled()
            assert (await world.run(run)).state is S.STARTING
            world.executor.see(run.id, Unclaimed())
        failed = await world.until(run, S.FAILED)
    assert failed.error_message == "How the script ended is unknown: its run directory is gone"
    assert world.launched() == [run.id]


async def test_a_run_that_ends_within_the_grace_is_recorded_with_its_launch_in_one_commit(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetime, "LAUNCH_GRACE_S", WITHIN_S)
    async with world.serving():
        run = await world.accept(1)
        await world.settled()
        assert (await world.run(run)).state is S.STARTING
        world.executor.end(run.id, an_ending())
        ended = await world.until(run, S.RUNNING, S.SUCCEEDED)
    assert (ended.state, ended.launched_on_ms) == (S.SUCCEEDED, NOW_MS)
    events = [step.event for step in await world.database.read(lambda tx: job_runs.history(tx, run))]
    assert events == [None, RunEvent.LAUNCHED, RunEvent.SUCCEEDED]


async def test_a_slot_is_lent_again_while_the_ending_is_being_written(world: World) -> None:
    world = World(world.database, world.executor, Limits(dpus=10, max_processes=100))
    async with world.serving():
        first = await world.accept(1, capacity=Capacity(dpu=10))
        second = await world.accept(2, capacity=Capacity(dpu=10))
        await world.until(first, S.RUNNING)
        world.executor.see(first.id, Over())
        await world.until(second, S.RUNNING)
        assert (await world.run(first)).state is S.RUNNING
        world.executor.end(first.id, an_ending())
        await world.until(first, S.SUCCEEDED)


async def test_a_run_whose_ending_is_long_in_coming_is_not_looked_at_all_the_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lifetime, "LAUNCH_GRACE_S", WITHIN_S)
    grace_s, ticks = 0.001, 50
    async with world.serving():
        run = await world.accept(1)
        await world.settled()
        monkeypatch.setattr(lifetime, "LAUNCH_GRACE_S", grace_s)
        world.executor.see(run.id, Over())
        await world.settled()
        before = len(world.executor.looks)
        for _ in range(ticks):
            await anyio.sleep(grace_s)
        assert len(world.executor.looks) - before <= 1
        world.executor.end(run.id, an_ending())
        await world.until(run, S.SUCCEEDED)


async def test_a_daemon_that_died_between_taking_that_claim_and_saying_so_says_so_later(world: World) -> None:
    run = await world.accept(1)
    await world.move(run, RunEvent.LAUNCHED)
    world.executor.seen[run.id] = Revoked()
    async with world.serving():
        failed = await world.until(run, S.FAILED)
    assert failed.error_message == "How the script ended is unknown: its run directory is gone"


@pytest.mark.parametrize(("is_stopping", "state"), [(False, S.FAILED), (True, S.STOPPED)])
async def test_a_claim_that_an_earlier_daemon_revoked_ends_the_run(
    world: World, *, is_stopping: bool, state: JobRunState
) -> None:
    run = await world.accept(1)
    if is_stopping:
        await world.move(run, RunEvent.STOP_REQUESTED)
    world.executor.seen[run.id] = Revoked()
    async with world.serving():
        ended = await world.until(run, state)
    assert ended.error_message
    assert world.launched() == []


async def test_what_cannot_be_done_now_is_done_later(world: World) -> None:
    troubles = [UnavailableError("the disk is full"), UnavailableError("still")]

    def be_full(run_id: JobRunId) -> None:
        if troubles:
            raise troubles.pop()

    def refuse(spec: LaunchSpec) -> None:
        raise LaunchError("no")

    world.executor.on_revoke = be_full
    world.executor.on_launch = refuse
    async with world.serving():
        run = await world.accept(1)
        assert (await world.until(run, S.FAILED)).error_message == "no"
    assert troubles == []


async def test_a_full_store_delays_the_end_of_a_run_and_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing_writes(world, monkeypatch, "settle_ended", [StoreFullError("full"), StoreFullError("full")]) as left:
        async with world.serving():
            run = await world.accept(1)
            await world.until(run, S.RUNNING)
            world.executor.end(run.id, an_ending())
            await world.until(run, S.SUCCEEDED)
        assert left == []


async def test_a_full_store_delays_the_admission_of_a_run(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with failing_writes(world, monkeypatch, "admit", [StoreFullError("full")]) as left:
        async with world.serving():
            run = await world.accept(1, state=S.WAITING, queuing_enabled=True)
            await world.until(run, S.RUNNING)
        assert left == []


async def test_a_broken_store_ends_the_supervisor(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with failing_writes(world, monkeypatch, "record_launch", [StoreBrokenError("broken")]):
        with pytest.raises(ExceptionGroup) as ended:  # noqa: PT012 - it is raised where the group ends
            async with world.serving():
                await world.accept(1)
                await anyio.sleep_forever()
        assert ended.group_contains(StoreBrokenError)


@contextmanager
def failing_writes(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str, errors: list[Exception]
) -> Iterator[list[Exception]]:
    """Fail the writes of that name, once for each of `errors`."""
    write = world.database.write

    async def failing(write_name: str, work: Callable[[Transaction], Any], **how: bool) -> Any:
        if write_name == name and errors:
            raise errors.pop()
        return await write(write_name, work, **how)

    monkeypatch.setattr(world.database, "write", failing)
    yield errors


async def test_a_start_holds_what_is_claimed_and_queues_the_rest_in_order(world: World) -> None:
    world = World(world.database, world.executor, Limits(dpus=3, max_processes=100))
    starting = [await world.accept(number) for number in range(4)]
    running, stopping = await world.accept(4), await world.accept(5)
    await world.move(running, RunEvent.LAUNCHED)
    await world.move(stopping, RunEvent.STOP_REQUESTED)
    for claimed in (starting[2], running, stopping):
        world.executor.seen[claimed.id] = Alive()
    async with world.serving():
        await world.until(starting[2], S.RUNNING)  # an earlier daemon launched it and did not get to say so
        await world.settled()
        assert world.launched() == []  # three of three slots are held
        assert list(world.supervisor.waits()) == [starting[0].id, starting[1].id, starting[3].id]
        assert world.executor.stopped == [stopping.id]
        world.executor.end(stopping.id, an_ending())
        await world.until(starting[0], S.RUNNING)
    assert world.launched() == [starting[0].id]


async def test_a_run_that_cannot_be_looked_at_keeps_no_daemon_from_starting(world: World) -> None:
    unreadable, other = await world.accept(0), await world.accept(1)
    refusals = iter([OSError(5, "Input/output error")])

    def refuse_once(run_id: JobRunId) -> None:
        if run_id == unreadable.id:
            for error in refusals:
                raise error

    world.executor.on_find = refuse_once
    async with world.serving():
        await world.until(other, S.RUNNING)
        await world.until(unreadable, S.RUNNING)


async def test_a_start_settles_what_ended_while_nobody_looked(world: World) -> None:
    runs = [await world.accept(number) for number in range(3)]
    await world.move(runs[1], RunEvent.LAUNCHED)
    await world.move(runs[2], RunEvent.STOP_REQUESTED)
    for run in runs:
        world.executor.seen[run.id] = Ended(an_ending())
    async with world.serving():
        for run, state in zip(runs, (S.SUCCEEDED, S.SUCCEEDED, S.STOPPED), strict=True):
            await world.until(run, state)
    assert world.launched() == []


async def test_a_run_that_cannot_be_seen_at_the_start_is_held_and_not_launched(world: World) -> None:
    run = await world.accept(1)
    world.executor.seen[run.id] = Unknown()
    async with world.serving():
        await world.settled()
        assert world.launched() == []
        assert (await world.run(run)).state is S.STARTING
        assert world.supervisor.waits() == {}


async def test_an_ended_supervisor_leaves_its_runs_as_they_are(world: World) -> None:
    async with world.serving():
        run = await world.accept(1)
        await world.until(run, S.RUNNING)
    assert (await world.run(run)).state is S.RUNNING
    assert world.executor.stopped == []


async def test_slots_are_those_of_the_runs_that_are_held(world: World) -> None:
    world = World(world.database, world.executor, Limits(dpus=10, max_processes=100))
    async with world.serving():
        first = await world.accept(1, capacity=Capacity(dpu=6))
        second = await world.accept(2, capacity=Capacity(dpu=6))
        third = await world.accept(3, capacity=Capacity(dpu=1))
        await world.until(first, S.RUNNING)
        await world.settled()
        reasons = [wait.reason for wait in world.supervisor.waits().values()]
        assert reasons == [
            "Waiting for 6 DPU, 6 in use of 10; place 1 in the queue",
            "Waiting for 1 DPU behind place 1, 6 in use of 10; place 2 in the queue",
        ]
        world.executor.end(first.id, an_ending())
        await world.until(second, S.RUNNING)
        await world.until(third, S.RUNNING)
        assert world.supervisor.waits() == {}


async def test_a_run_that_is_handed_over_with_its_acceptance_is_not_read_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unexpected(*args: Any, **named: Any) -> list[JobRun]:
        raise AssertionError

    world = World(world.database, world.executor, Limits(dpus=1, max_processes=100))
    async with world.serving():
        first = await world.accept(1)
        await world.until(first, S.RUNNING)
        await world.settled()
        with monkeypatch.context() as patch:
            patch.setattr(job_runs, "list_live", unexpected)
            runs = [await world.accept(number, is_handed_over=True) for number in (2, 3)]
            await world.settled()
        assert [(run, wait.place) for run, wait in world.supervisor.waits().items()] == [
            (run.id, place) for place, run in enumerate(runs, start=1)
        ]
        world.executor.end(first.id, an_ending())
        await world.until(runs[0], S.RUNNING)


async def test_a_run_that_is_handed_over_before_an_earlier_one_is_known_waits_behind_it(world: World) -> None:
    world = World(world.database, world.executor, Limits(dpus=1, max_processes=100))
    async with world.serving():
        first = await world.accept(1)
        await world.until(first, S.RUNNING)
        await world.settled()
        silent = await world.accept(2, is_told=False)
        handed_over = await world.accept(3, is_handed_over=True)
        await world.settled()
        assert list(world.supervisor.waits()) == [silent.id, handed_over.id]


async def test_only_the_runs_that_are_asked_for_are_explained(world: World) -> None:
    world = World(world.database, world.executor, Limits(dpus=1, max_processes=1))
    async with world.serving():
        first, *others = [await world.accept(number) for number in range(4)]
        await world.until(first, S.RUNNING)
        await world.settled()
        waits = world.supervisor.waits([first.id, others[2].id])
        assert {run: wait.place for run, wait in waits.items()} == {others[2].id: 3}


async def test_one_job_at_its_limit_holds_up_no_other(world: World) -> None:
    one_at_once = a_definition(max_concurrent_runs=1)
    async with world.serving():
        runs = [await world.accept(n, definition=one_at_once, state=S.WAITING, queuing_enabled=True) for n in range(2)]
        other = await world.accept(9, job="other")
        await world.until(runs[0], S.RUNNING)
        await world.until(other, S.RUNNING)
        assert (await world.run(runs[1])).state is S.WAITING
        world.executor.end(runs[0].id, an_ending())
        await world.until(runs[1], S.RUNNING)


async def test_one_runs_trouble_stops_no_other_and_not_itself_for_ever(world: World) -> None:
    troubled = run_id(1)
    troubles = [RuntimeError("a bug of ours")] * 2

    def stumble(found: JobRunId) -> None:
        if found == troubled and troubles:
            raise troubles.pop()

    world.executor.on_find = stumble
    async with world.serving():
        first, second = await world.accept(1), await world.accept(2)
        await world.until(second, S.RUNNING)
        await world.until(first, S.RUNNING)
    assert troubles == []


async def test_a_success_moves_the_bookmark_in_the_same_moment(world: World) -> None:
    async with world.serving():
        run = await world.accept(1)
        await world.until(run, S.RUNNING)
        world.executor.end(run.id, an_ending(bookmark=a_reported_bookmark('{"day": 1}', base_version=0)))
        await world.until(run, S.SUCCEEDED)
    entry = await world.database.read(lambda tx: bookmarks.find(tx, run.job_key))
    assert entry is not None
    assert (entry.version, entry.run, entry.attempt, entry.bookmark, entry.run_id) == (
        1,
        1,
        0,
        '{"day": 1}',
        str(run.id),
    )


async def test_a_bookmark_that_somebody_else_moved_fails_the_run(world: World) -> None:
    async with world.serving():
        runs = [await world.accept(number) for number in range(2)]
        for run in runs:
            await world.until(run, S.RUNNING)
            world.executor.end(run.id, an_ending(bookmark=a_reported_bookmark("x", base_version=0)))
            await world.until(run, S.SUCCEEDED, S.FAILED)
        failed = await world.run(runs[1])
    assert failed.state is S.FAILED
    assert failed.error_message == (
        "VersionMismatchException: Continuation update failed due to version mismatch. "
        "Expected version 0 but found version 1"
    )


async def test_the_bookmark_of_a_job_that_was_deleted_is_discarded(world: World) -> None:
    async with world.serving():
        run = await world.accept(1)
        await world.until(run, S.RUNNING)
        await world.database.write("delete", lambda tx: jobs.delete(tx, jobs.get(tx, "etl"), at_ms=NOW_MS))
        world.executor.end(run.id, an_ending(bookmark=a_reported_bookmark("x", base_version=0)))
        await world.until(run, S.SUCCEEDED)
    assert await world.database.read(lambda tx: bookmarks.find(tx, run.job_key)) is None


async def test_a_stopped_run_moves_no_bookmark(world: World) -> None:
    async with world.serving():
        run = await world.accept(1)
        await world.until(run, S.RUNNING)
        await world.stop(run)
        world.executor.end(run.id, an_ending(bookmark=a_reported_bookmark("x", base_version=0)))
        await world.until(run, S.STOPPED)
    assert await world.database.read(lambda tx: bookmarks.find(tx, run.job_key)) is None


async def test_what_nobody_told_of_is_found_by_and_by(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "SAFETY_POLL_S", 0.01)
    async with world.serving():
        run = await world.accept(1, is_told=False)
        await world.until(run, S.RUNNING)


@pytest.mark.parametrize("is_in_chain", [False, True])
async def test_only_what_nothing_can_follow_from_is_short(
    world: World, monkeypatch: pytest.MonkeyPatch, *, is_in_chain: bool
) -> None:
    """An end in a chain may start hundreds of runs: the event loop must not stand still for that."""
    chain = await world.database.write("chain", lambda tx: chains.create(tx, at_ms=NOW_MS)) if is_in_chain else None
    write = world.database.write
    short: dict[str, bool] = {}

    async def noted(name: str, work: Callable[[Transaction], Any], **how: bool) -> Any:
        short[name] = how.get("is_short", False)
        return await write(name, work, **how)

    monkeypatch.setattr(world.database, "write", noted)
    async with world.serving():
        run = await world.accept(1, state=S.WAITING, chain_key=chain)
        await world.until(run, S.RUNNING)
        world.executor.end(run.id, an_ending())
        await world.until(run, S.SUCCEEDED)
    del short["accept"]
    assert short == dict.fromkeys(("admit", "record_launch", "settle_ended"), not is_in_chain)

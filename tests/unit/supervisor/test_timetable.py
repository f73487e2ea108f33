"""What happens by the clock besides schedules: retries come due, and late runs are told of; each once, over restarts."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, Final

import anyio
import pytest

from orchestrator.model.endings import Ending
from orchestrator.model.policy import RetryDelay
from orchestrator.model.queue import Limits
from orchestrator.model.records import EventKind, JobRun
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import Action, TriggerDefinition, TriggerState, TriggerType
from orchestrator.model.workflows import WorkflowDefinition
from orchestrator.store import events, job_runs, jobs, triggers, workflows
from orchestrator.store.database import Database, open_database
from orchestrator.supervisor import settlement
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.lifetime import Surroundings
from orchestrator.supervisor.supervisor import Supervisor
from orchestrator.supervisor.timetable import Timetable
from tests.support.hearing import Hearing
from tests.support.records import NOW_MS, a_definition, a_new_run, an_ending, some_means
from tests.support.scripted_executor import ScriptedExecutor

WITHIN_S: Final = 20
MINUTE_MS: Final = 60_000
S: Final = JobRunState


class World:
    """A timetable on a clock of the test, beside a supervisor that works only if a test lets it."""

    def __init__(self, database: Database, **policy: Any) -> None:
        self.database = database
        self.executor = ScriptedExecutor()
        self.now_ms = NOW_MS
        self.step_ms = 0  # by which the clock goes on whenever somebody looks at it
        self.accepted = 0
        self.hearing = Hearing()
        self._policy = {"retry_delay": RetryDelay(first_s=10, longest_s=300), **policy}
        self.restart()

    def restart(self, **policy: Any) -> None:
        """Begin another daemon's life: it knows nothing."""
        self.around = Surroundings(
            database=self.database,
            executor=self.executor,
            now_ms=self._tell_time,
            means=some_means(**{**self._policy, **policy}),
            changed=Bell(),
            ended=Bell(),
            timed=Bell(),
            observer=self.hearing,
        )
        self.timetable = Timetable(self.around, self._accept)
        self.supervisor = Supervisor(self.around, Limits(dpus=100, max_processes=100))

    def _tell_time(self) -> int:
        self.now_ms += self.step_ms
        return self.now_ms

    def _accept(self) -> None:
        self.accepted += 1
        self.supervisor.accepted()

    async def run(self, number: int, **changes: Any) -> JobRun:
        """Store a run."""

        def work(tx: Any) -> JobRun:
            definition = a_definition(max_retries=3, max_concurrent_runs=1)
            job = jobs.find(tx, "a") or jobs.create(tx, "a", definition, source=None, at_ms=self.now_ms)
            return job_runs.insert(tx, a_new_run(job, number, accepted_on_ms=self.now_ms, **changes))

        return await self.database.write("accept", work)

    async def fail(self, run: JobRun) -> JobRun:
        """Let a run's script fail."""
        return await self.settle(run, an_ending(exit_code=1))

    async def settle(self, run: JobRun, ending: Ending) -> JobRun:
        """Let a run's script end."""
        return await self.database.write(
            "settle",
            lambda tx: settlement.settle_ended(tx, run.id, ending, means=self.around.means, at_ms=self.now_ms),
        )

    async def runs(self) -> list[JobRun]:
        return (await self.database.read(lambda tx: job_runs.list_newest(tx, before_seq=None, limit=99)))[::-1]

    async def told(self) -> list[tuple[str, EventKind, JobRunState]]:
        page = await self.database.read(lambda tx: events.list_page(tx, after_seq=0, limit=99))
        return [(str(event.run.id), event.kind, event.state) for event in page]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with anyio.fail_after(WITHIN_S):
        async with (
            open_database(tmp_path / "state.db", operation_timeout_s=10) as database,
            anyio.create_task_group() as tasks,
        ):
            await tasks.start(database.serve)
            world = World(database)
            try:
                yield world
            finally:
                database.close()


# Retries.


async def test_a_retry_is_made_when_it_is_due_and_not_before(world: World) -> None:
    failed = await world.fail(await world.run(1))
    assert failed.retry_due_ms == NOW_MS + 10_000
    assert await world.timetable.step() == failed.retry_due_ms
    world.now_ms = failed.retry_due_ms - 1
    await world.timetable.step()
    assert (len(await world.runs()), world.accepted) == (1, 0)
    world.now_ms += 1
    await world.timetable.step()
    [_, again] = await world.runs()
    assert (again.id, again.started_on_ms) == (failed.id.retry(1), world.now_ms)
    assert world.accepted == 1
    assert await world.timetable.step() is None
    assert len(await world.runs()) == 2


async def test_a_retry_that_came_due_while_no_daemon_ran_is_made_by_the_next_one_once(world: World) -> None:
    await world.fail(await world.run(1))
    world.now_ms += 3 * 24 * 60 * MINUTE_MS
    for _ in range(3):
        world.restart()
        await world.timetable.step()
    assert len(await world.runs()) == 2


async def test_a_clock_that_was_set_far_back_delays_a_retry_by_no_more_than_the_longest_pause(world: World) -> None:
    await world.fail(await world.run(1))
    world.now_ms -= 60 * MINUTE_MS
    await world.timetable.step()
    assert len(await world.runs()) == 2


async def test_all_retries_that_are_due_are_made_in_the_order_in_which_they_came_due(world: World) -> None:
    for number in (3, 1, 2):
        await world.fail(await world.run(number))
        world.now_ms += 1
    world.now_ms += MINUTE_MS
    await world.timetable.step()
    assert [run.id.base[-1] for run in await world.runs()][3:] == [3, 1, 2]


# NotifyDelayAfter.


async def test_a_run_that_takes_longer_than_it_should_is_told_of_once_over_restarts(world: World) -> None:
    run = await world.run(1, notify_delay_after_min=2)
    assert await world.timetable.step() == NOW_MS + 2 * MINUTE_MS
    world.now_ms += 2 * MINUTE_MS - 1
    await world.timetable.step()
    assert await world.told() == []
    world.now_ms += 1
    for _ in range(3):
        world.restart()
        await world.timetable.step()
        assert await world.told() == [(str(run.id), EventKind.RUN_STATUS, S.STARTING)]
    await world.fail(run)
    assert (await world.told())[1:] == [(str(run.id), EventKind.STATE_CHANGE, S.FAILED)]


async def test_a_run_that_ended_in_time_or_only_waits_is_not_told_of(world: World) -> None:
    await world.fail(await world.run(1, notify_delay_after_min=2))
    await world.run(2, notify_delay_after_min=2, state=S.WAITING)
    await world.run(3)
    world.now_ms += 5 * MINUTE_MS
    await world.timetable.step()
    assert {kind for _, kind, _ in await world.told()} == {EventKind.STATE_CHANGE}


async def until(world: World, bell: Callable[[], Bell], condition: Callable[[], Any]) -> None:
    """Wait until an asynchronous condition holds, looking again at each ring."""
    while True:
        rung = bell().listen()
        if await condition():
            return
        await rung.wait()


async def test_a_run_that_waited_is_told_of_when_it_takes_too_long_after_all(world: World) -> None:
    """The timetable sleeps until something rings: the run's launch must, because nothing was due before it."""
    async with anyio.create_task_group() as tasks:
        holder = await world.run(1, state=S.WAITING)
        await tasks.start(world.supervisor.serve)
        await until(world, lambda: world.around.changed, lambda: _is_running(world, holder))
        late = await world.run(2, state=S.WAITING, notify_delay_after_min=2)
        world.supervisor.accepted()
        tasks.start_soon(world.timetable.serve)
        await anyio.wait_all_tasks_blocked()
        world.step_ms = 5 * MINUTE_MS  # whoever looks at the clock after the launch finds it late
        world.executor.end(holder.id, an_ending())  # the job's limit is 1: now the late one may start
        with anyio.fail_after(5):
            await until(world, lambda: world.around.ended, lambda: _is_told(world, late))
        tasks.cancel_scope.cancel()


async def _is_running(world: World, run: JobRun) -> bool:
    return next(one for one in await world.runs() if one.id == run.id).state is S.RUNNING


async def _is_told(world: World, run: JobRun) -> bool:
    return (str(run.id), EventKind.RUN_STATUS) in [told[:2] for told in await world.told()]


# Schedules: what the property tests leave.


async def schedule(world: World, name: str, **changes: Any) -> None:
    definition = TriggerDefinition(
        type=TriggerType.SCHEDULED,
        **{"schedule": "cron(0/5 * * * ? *)", "actions": (Action(job_name="a"),), **changes},
    )
    await world.database.write(
        "schedule",
        lambda tx: triggers.create(tx, name, definition, state=TriggerState.ACTIVATED, source=None, at_ms=world.now_ms),
    )


async def test_a_schedule_starts_its_jobs_and_says_so(world: World) -> None:
    first = await world.run(1)
    await schedule(world, "often")
    next_ms = await world.timetable.step()
    assert next_ms is not None
    world.now_ms = next_ms
    await world.timetable.step()
    [_, run] = await world.runs()
    assert (run.job_key, run.trigger_name, run.state) == (first.job_key, "often", S.WAITING)
    assert run.started_on_ms == next_ms
    assert run.chain_key is not None
    assert world.accepted == 1


async def test_how_late_a_schedule_has_fired_is_heard(world: World) -> None:
    await world.run(1)
    await schedule(world, "often")
    next_ms = await world.timetable.step()
    assert next_ms is not None
    world.now_ms = next_ms + 250
    await world.timetable.step()
    await world.timetable.step()
    assert world.hearing.heard == [("fired", 0.25)]


async def test_a_schedule_whose_workflow_is_at_its_limit_is_skipped_and_the_next_instant_fires(world: World) -> None:
    await world.run(1)
    await world.database.write(
        "workflow",
        lambda tx: workflows.create(tx, "w", WorkflowDefinition(max_concurrent_runs=1), at_ms=world.now_ms),
    )
    await schedule(world, "often", workflow_name="w")
    for _ in range(3):
        world.now_ms = await world.timetable.step() or 0
    [_, held] = await world.runs()
    await world.settle(held, an_ending())
    world.now_ms += MINUTE_MS  # too late for the instant that was skipped
    world.now_ms = await world.timetable.step() or 0
    assert len(await world.runs()) == 2
    await world.timetable.step()
    assert len(await world.runs()) == 3


async def test_trouble_with_one_trigger_keeps_no_other_from_firing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.run(1)
    await schedule(world, "broken", actions=(Action(job_name="a"), Action(job_name="a")))
    await schedule(world, "whole")
    world.now_ms = await world.timetable.step() or 0
    real = triggers.find

    def find(tx: Any, name: str) -> Any:
        if name == "broken":
            message = "a bug"
            raise RuntimeError(message)
        return real(tx, name)

    monkeypatch.setattr(triggers, "find", find)
    with pytest.raises(RuntimeError, match="a bug"):
        await world.timetable.step()
    assert [run.trigger_name for run in await world.runs()] == [None, "whole"]

"""Each trigger fires in a chain exactly when a second telling of the rules says so, once, with the right predecessors.

Hypothesis makes jobs, triggers and workflows, starts, ends, stops, retries and deletes, in any order, over a real store,
and kills the daemon (which here is the connection) before or after any commit; a settle is asked for twice, as after a
crash. After each step every run, firing, workflow run and event is compared with `tests/support/chain_model.py`.
"""

import random
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.model.endings import EndingReason
from orchestrator.model.errors import ConcurrentRunsExceededError, InvalidInputError, JobRunInTerminalStateError
from orchestrator.model.records import CapacityRequest, Invocation, JobRun
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.model.triggers import Action, TriggerDefinition, TriggerState, TriggerType
from orchestrator.model.triggers import Condition as StoredCondition
from orchestrator.model.workflows import WorkflowDefinition, run_id
from orchestrator.store import codes, job_runs, jobs, triggers, workflows
from orchestrator.supervisor import firing, sequel, settlement, stopping, workflow_runs
from orchestrator.supervisor.intake import RunRequest, accept_run
from tests.support.chain_model import LIVE, ChainModel, ModelJob, ModelRun, ModelTrigger
from tests.support.records import a_definition, an_ending, opened, some_means

T = TypeVar("T")
JOBS: Final = ("a", "b", "c", "d", "e")
WORKFLOW: Final = "w"
ROOTS: Final = JOBS[:2]
"""The jobs that chains begin with."""
STATES: Final = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT")
ENDINGS: Final = {
    "SUCCEEDED": an_ending(),
    "FAILED": an_ending(exit_code=1),
    "TIMEOUT": an_ending(reason=EndingReason.TIMED_OUT, exit_code=None),
}
ENDS: Final = st.sampled_from(["SUCCEEDED", "SUCCEEDED", "FAILED", "FAILED", "TIMEOUT"])
PICKS: Final = st.integers(0, 1_000)
CRASHES: Final = st.sampled_from(["", "", "", "before", "after"])
_STEPS: Final = 150
_MEMORY: Final = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108 - a directory of our own is made in it


@st.composite
def watchers(draw: st.DrawFn) -> dict[str, Any]:
    """Return a conditional trigger. No job is both watched and started by one, but graphs may have cycles."""
    conditions = draw(
        st.lists(
            st.tuples(st.sampled_from((*ROOTS, *JOBS)), st.sampled_from((*STATES, *STATES[:2]))),
            min_size=1,
            max_size=3,
            unique_by=draw(st.sampled_from([lambda one: one, lambda one: one[0]])),
        )
    )
    others = [name for name in (*JOBS, *JOBS[::-1]) if name not in {job for job, _ in conditions}]
    return {
        "conditions": conditions,
        "actions": draw(st.lists(st.sampled_from(others), min_size=1, max_size=3)),
        "is_any": draw(st.booleans()),
        "workflow": draw(st.sampled_from([None, WORKFLOW])),
        "is_active": draw(st.sampled_from([True, True, True, False])),
    }


@cache
def _empty_store() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        opened(Path(folder) / "state.db").close()
        return (Path(folder) / "state.db").read_bytes()


def one_of(some: Sequence[T], pick: int) -> T:
    return some[pick % len(some)]


class ChainMachine(RuleBasedStateMachine):
    """The store beside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=_MEMORY))
        (self.folder / "state.db").write_bytes(_empty_store())
        self.store = self.connected()
        self.at_ms = 1_000
        self.number = 0

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def connected(self) -> sqlite3.Connection:
        store = sqlite3.connect(self.folder / "state.db", isolation_level=None)
        store.row_factory = sqlite3.Row
        for pragma in ("foreign_keys = ON", "synchronous = OFF", "journal_mode = MEMORY"):
            store.execute(f"PRAGMA {pragma}")
        return store

    def kill(self) -> None:
        """End the daemon, whatever it is at, and start the next one."""
        self.store.close()
        self.store = self.connected()

    def do(self, work: Callable[[sqlite3.Connection], Any], crash: str = "") -> Any:
        """Run `work` in a transaction; the daemon dies before or after its commit, and is asked for what was not done."""
        self.at_ms += 1
        self.store.execute("BEGIN IMMEDIATE")
        try:
            result = work(self.store)
        except BaseException:
            self.store.execute("ROLLBACK")
            raise
        if crash == "before":
            self.kill()
            return self.do(work)
        self.store.execute("COMMIT")
        if crash == "after":
            self.kill()
        return result

    # What there is.

    @initialize(
        on_busy=st.sampled_from(["queue", "queue", "fail", "skip"]),
        fires_by_hand=st.booleans(),
        retries=st.lists(st.integers(0, 2), min_size=len(JOBS), max_size=len(JOBS)),
        limits=st.lists(st.integers(1, 3), min_size=len(JOBS), max_size=len(JOBS)),
        some=st.lists(watchers(), min_size=4, max_size=10),
    )
    def begin(
        self,
        on_busy: str,
        retries: list[int],
        limits: list[int],
        some: list[dict[str, Any]],
        *,
        fires_by_hand: bool,
    ) -> None:
        self.means = some_means(on_busy=on_busy, fire_on_manual_runs=fires_by_hand)
        self.model = ChainModel(on_busy=on_busy, fire_on_manual_runs=fires_by_hand)
        for name, most, limit in zip(JOBS, retries, limits, strict=True):
            self.model.jobs[name] = ModelJob(most, limit)
            self.make_job(name)
        self.do(lambda tx: workflows.create(tx, WORKFLOW, WorkflowDefinition(), at_ms=self.at_ms))
        for workflow in (None, WORKFLOW):
            self.make_trigger(ModelTrigger(f"root_{workflow}", [*ROOTS], workflow=workflow))
        for watcher in some:
            self.watch(watcher)

    def make_job(self, name: str) -> None:
        job = self.model.jobs[name]
        definition = a_definition(max_retries=job.max_retries, max_concurrent_runs=job.limit)
        self.do(lambda tx: jobs.create(tx, name, definition, source=None, at_ms=self.at_ms))

    def make_trigger(self, made: ModelTrigger) -> None:
        definition = TriggerDefinition(
            type=TriggerType.CONDITIONAL if made.conditions else TriggerType.ON_DEMAND,
            workflow_name=made.workflow,
            logical="ANY" if made.is_any else "AND",
            conditions=[StoredCondition(job_name=job, state=JobRunState(state)) for job, state in made.conditions],
            actions=[Action(job_name=name) for name in made.actions],
        )
        is_active = made.is_active and bool(made.conditions)
        state = TriggerState.ACTIVATED if is_active else TriggerState.CREATED
        self.do(lambda tx: triggers.create(tx, made.name, definition, state=state, source=None, at_ms=self.at_ms))
        self.model.triggers.append(made)

    @precondition(lambda self: len(self.model.triggers) < 14)
    @rule(watcher=watchers())
    def watch(self, watcher: dict[str, Any]) -> None:
        self.make_trigger(ModelTrigger(f"t{len(self.model.triggers)}", **watcher))

    def conditional(self) -> list[ModelTrigger]:
        return [one for one in self.model.triggers if one.conditions]

    @precondition(lambda self: self.conditional())
    @rule(pick=PICKS)
    def start_or_stop_a_trigger(self, pick: int) -> None:
        chosen = one_of(self.conditional(), pick)
        chosen.is_active = not chosen.is_active
        state = TriggerState.ACTIVATED if chosen.is_active else TriggerState.DEACTIVATED
        self.do(lambda tx: triggers.set_state(tx, triggers.get(tx, chosen.name), state, at_ms=self.at_ms))

    @rule(name=st.sampled_from(JOBS), chance=st.integers(0, 3))
    def delete_or_make_a_job(self, name: str, chance: int) -> None:
        job = self.model.jobs[name]
        if job.exists and chance:
            return
        job.exists = not job.exists
        if job.exists:
            job.birth += 1
            self.make_job(name)
        else:
            self.do(lambda tx: jobs.delete(tx, jobs.get(tx, name), at_ms=self.at_ms))

    # What is asked for.

    def invocation(self) -> Invocation:
        self.number += 1
        return Invocation(id_digest=b"i%d" % self.number, request_digest=b"r")

    @rule(workflow=st.sampled_from([None, None, WORKFLOW]), crash=CRASHES)
    def start_trigger(self, workflow: str | None, crash: str) -> None:
        root = next(one for one in self.model.triggers if one.name == f"root_{workflow}")
        invocation = self.invocation()

        def work(tx: sqlite3.Connection) -> None:
            firing.start_trigger(tx, root.name, invocation=invocation, means=self.means, at_ms=self.at_ms)

        self.do(work, crash)
        if crash == "after":  # the answer is lost, and the SDK calls again
            self.do(work)
        self.model.fire_root(root)

    @rule(crash=CRASHES)
    def start_workflow_run(self, crash: str) -> None:
        invocation = self.invocation()

        def work(tx: sqlite3.Connection) -> str:
            return workflow_runs.start(tx, WORKFLOW, None, invocation=invocation, means=self.means, at_ms=self.at_ms)

        first = self.do(work, crash)
        if crash == "after":
            assert self.do(work) == first
        self.model.start_workflow(WORKFLOW)

    @rule(name=st.sampled_from(JOBS), queues=st.booleans(), crash=CRASHES)
    def start_by_hand(self, name: str, crash: str, *, queues: bool) -> None:
        if self.model.jobs[name].exists:
            self.accept(
                crash, lambda: self.model.start_by_hand(name, queues=queues), job_name=name, queuing_enabled=queues
            )

    @precondition(lambda self: any(run.state not in LIVE for run in self.model.runs))
    @rule(pick=PICKS, queues=st.booleans(), crash=CRASHES)
    def retry_by_hand(self, pick: int, crash: str, *, queues: bool) -> None:
        run = one_of([run for run in self.model.runs if run.state not in LIVE], pick)
        if self.model.jobs[run.job].exists:
            retry_of = str(self.stored(run).id)
            self.accept(
                crash,
                lambda: self.model.retry_by_hand(run, queues=queues),
                job_name=run.job,
                queuing_enabled=queues,
                retry_of=retry_of,
            )

    def accept(self, crash: str, expected: Callable[[], bool], **members: Any) -> None:
        request = RunRequest(capacity=CapacityRequest(), invocation=self.invocation(), **members)

        def work(tx: sqlite3.Connection) -> object:
            return accept_run(tx, request, means=self.means, at_ms=self.at_ms).run_id

        try:
            first = self.do(work, crash)
        except (ConcurrentRunsExceededError, InvalidInputError):
            assert not expected()
            return
        if crash == "after":
            assert self.do(work) == first
        assert expected()

    # What happens to runs.

    def stored(self, run: ModelRun) -> JobRun:
        return job_runs.get_by_seq(self.store, run.number)

    def live(self, *states: str) -> list[ModelRun]:
        return [run for run in self.model.runs if run.state in (states or LIVE)]

    @precondition(lambda self: self.live())
    @rule(pick=PICKS, ends=st.lists(st.tuples(ENDS, CRASHES, st.booleans()), min_size=1, max_size=5))
    def end_some(self, pick: int, ends: list[tuple[str, str, bool]]) -> None:
        """Scripts end, which is what most often happens: of runs that were recorded as launched, or not yet."""
        for state, crash, is_launched in ends:
            if self.live():
                run = one_of(self.live(), pick)
                if is_launched:
                    self.launch(run)
                self.end_one(run, state, crash)

    @rule(
        workflow=st.sampled_from([None, WORKFLOW]),
        surprises=st.lists(st.dictionaries(st.sampled_from(JOBS), ENDS), min_size=1, max_size=5),
        seed=st.integers(0, 5),
    )
    def run_a_chain(self, workflow: str | None, surprises: list[dict[str, str]], seed: int) -> None:
        """A chain goes its way as a trigger of it waits for, but for a few surprises."""
        self.start_trigger(workflow, "")
        mine = [one for one in self.conditional() if one.workflow == workflow]
        mine = mine[seed:] + mine[:seed]
        wanted = {job: state for trigger in reversed(mine) for job, state in trigger.conditions}
        for states in surprises:
            for run in [run for run in self.live() if run.chain == self.model.chains]:
                state = states.get(run.job) or wanted.get(run.job, "SUCCEEDED")
                if state == "STOPPED":
                    self.stop(run, "")
                if run.state in LIVE:
                    self.end_one(run, "SUCCEEDED" if state == "STOPPED" else state, "")
            for run in [run for run in self.model.runs if run.to_retry and run.chain == self.model.chains]:
                self.make_retry(run, "")

    def end_one(self, run: ModelRun, state: str, crash: str) -> None:
        found = self.stored(run).id
        self.settle(
            lambda tx: settlement.settle_ended(tx, found, ENDINGS[state], means=self.means, at_ms=self.at_ms), crash
        )
        self.model.end(run, "STOPPED" if run.state == "STOPPING" else state)

    @precondition(lambda self: self.live("STARTING", "RUNNING", "STOPPING"))
    @rule(pick=PICKS, crash=CRASHES)
    def lose_one(self, pick: int, crash: str) -> None:
        run = one_of(self.live("STARTING", "RUNNING", "STOPPING"), pick)
        found = self.stored(run).id
        if run.state == "RUNNING":
            self.settle(lambda tx: settlement.settle_lost(tx, found, "x", means=self.means, at_ms=self.at_ms), crash)
        else:
            self.settle(
                lambda tx: settlement.settle_never_started(tx, found, "x", means=self.means, at_ms=self.at_ms), crash
            )
        self.model.end(run, "STOPPED" if run.state == "STOPPING" else "FAILED")

    def settle(self, work: Callable[[sqlite3.Connection], JobRun], crash: str) -> None:
        """Ask for the end of a run as a daemon does that does not know whether it did so before."""
        first = self.do(work, crash)
        assert self.do(work) == first

    @precondition(lambda self: self.live("WAITING", "STARTING"))
    @rule(pick=PICKS)
    def launch_one(self, pick: int) -> None:
        self.launch(one_of(self.live("WAITING", "STARTING"), pick))

    def launch(self, run: ModelRun) -> None:
        for state, event, to_state in (
            ("WAITING", RunEvent.ADMITTED, "STARTING"),
            ("STARTING", RunEvent.LAUNCHED, "RUNNING"),
        ):
            if run.state == state:
                found = self.stored(run).id
                self.do(partial(job_runs.move, run=found, event=event, at_ms=self.at_ms))
                run.state = to_state

    @precondition(lambda self: self.model.runs)
    @rule(pick=PICKS, crash=CRASHES)
    def stop_one(self, pick: int, crash: str) -> None:
        """Stop any run: live, waiting, ended, or failed with its retry still to come."""
        favoured = [run for run in self.model.runs if run.state == "WAITING" or run.to_retry]
        self.stop(one_of(favoured + self.model.runs, pick), crash)

    def stop(self, run: ModelRun, crash: str) -> None:
        found = self.stored(run).id

        def work(tx: sqlite3.Connection) -> JobRun:
            asked = job_runs.get_by_id(tx, found)
            return stopping.request_stop(tx, asked, means=self.means, at_ms=self.at_ms)

        try:
            self.do(work, crash)
        except JobRunInTerminalStateError:
            assert run.state not in LIVE
            assert not run.to_retry
            return
        if run.to_retry:
            self.model.take_retry_back(run)
        elif run.state == "WAITING":
            self.model.end(run, "STOPPED")
        else:
            assert run.state in LIVE
            run.state = "STOPPING"

    @precondition(lambda self: any(run.to_retry for run in self.model.runs))
    @rule(pick=PICKS, crash=CRASHES)
    def a_retry_comes_due(self, pick: int, crash: str) -> None:
        self.make_retry(one_of([run for run in self.model.runs if run.to_retry], pick), crash)

    def make_retry(self, run: ModelRun, crash: str) -> None:
        failed = self.stored(run)
        self.do(lambda tx: sequel.retry(tx, failed, means=self.means, at_ms=self.at_ms), crash)
        self.model.retry_comes_due(run)

    @precondition(lambda self: self.model.workflow_runs)
    @rule(pick=PICKS, crash=CRASHES)
    def stop_workflow_run(self, pick: int, crash: str) -> None:
        live = [key for key, one in self.model.workflow_runs.items() if one.status in {"RUNNING", "STOPPING"}]
        if not live:
            return
        chain = one_of(live, pick)
        found = workflows.find_run_of_chain(self.store, chain)
        assert found is not None
        text = run_id(found.base_id)

        def work(tx: sqlite3.Connection) -> list[Any]:
            return workflow_runs.stop(tx, WORKFLOW, text, means=self.means, at_ms=self.at_ms)

        self.do(work, crash)
        self.model.stop_workflow_run(chain)

    @rule()
    def kill_now(self) -> None:
        self.kill()

    # What is compared.

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.store.execute(statement)]

    @invariant()
    def every_run_is_what_the_model_says(self) -> None:
        predecessors: dict[int, list[int]] = {}
        for seq, before in self.rows(
            "SELECT p.job_run_seq, r.seq FROM job_run_predecessor AS p"
            " JOIN job_run AS r ON r.base_id = p.base_id AND r.attempt = p.attempt"
            " JOIN job AS j ON j.job_key = r.job_key AND j.name = p.job_name ORDER BY p.job_run_seq, p.position"
        ):
            predecessors.setdefault(seq, []).append(before)
        found = self.rows(
            "SELECT r.seq, j.name, r.state, r.chain_key, r.trigger_name, r.retry_due_ms IS NOT NULL, r.attempt,"
            " r.retry_number, (SELECT min(seq) FROM job_run AS f WHERE f.base_id = r.base_id)"
            " FROM job_run AS r JOIN job AS j USING (job_key) ORDER BY r.seq"
        )
        assert found == [
            (run.number, run.job, run.state, run.chain, run.trigger, run.to_retry, run.attempt, run.retries, run.family)
            for run in self.model.runs
        ]
        assert predecessors == {run.number: run.predecessors for run in self.model.runs if run.predecessors}

    @invariant()
    def every_trigger_fired_when_the_model_says_and_once(self) -> None:
        assert self.rows("SELECT trigger_name, chain_key FROM firing ORDER BY firing_key") == self.model.fired
        assert len(set(self.model.fired)) == len(self.model.fired)
        assert self.rows("SELECT chain_key FROM chain") == [(key + 1,) for key in range(self.model.chains)]

    @invariant()
    def every_workflow_run_is_where_the_model_has_it(self) -> None:
        found = dict(self.rows("SELECT chain_key, status FROM workflow_run"))
        assert found == {key: one.status for key, one in self.model.workflow_runs.items()}

    @invariant()
    def every_end_is_told_once(self) -> None:
        found = self.rows("SELECT job_run_seq, kind, state FROM event ORDER BY job_run_seq")
        told = [(seq, codes.KINDS.word(kind), codes.STATES.word(state)) for seq, kind, state in found]
        ended = [run for run in self.model.runs if run.state in STATES]
        assert told == [(run.number, "state_change", run.state) for run in ended]


ChainMachine.TestCase.settings = settings(
    max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestChains = pytest.mark.timeout(300)(ChainMachine.TestCase)  # a failure is made small before it is told


@pytest.mark.parametrize("seed", range(8))
def test_long_random_walks_agree_with_the_model(seed: int) -> None:
    """Hypothesis tells a failure in few steps; here are many, so that much that goes on meets."""
    chance = random.Random(seed)
    machine = ChainMachine()
    try:
        machine.begin(
            chance.choice(["queue", "fail", "skip"]),
            [chance.randint(0, 2) for _ in JOBS],
            [chance.randint(1, 3) for _ in JOBS],
            [_a_watcher(chance) for _ in range(chance.randint(8, 12))],
            fires_by_hand=chance.random() < 0.5,
        )
        for _ in range(_STEPS):
            _step(machine, chance)
            machine.every_run_is_what_the_model_says()
            machine.every_trigger_fired_when_the_model_says_and_once()
            machine.every_workflow_run_is_where_the_model_has_it()
            machine.every_end_is_told_once()
        fired = [name for name, _ in machine.model.fired if name.startswith("t")]
        assert len(fired) > 5, "a walk on which little fires shows little"
    finally:
        machine.teardown()


def _a_watcher(chance: random.Random) -> dict[str, Any]:
    watched = list(dict.fromkeys(chance.choices([*ROOTS, *ROOTS, *JOBS], k=chance.choice([1, 1, 2, 2, 3]))))
    return {
        "conditions": [(job, chance.choice((*STATES, *STATES[:2], "SUCCEEDED"))) for job in watched],
        "actions": chance.choices([name for name in JOBS if name not in watched], k=chance.randint(1, 2)),
        "is_any": chance.random() < 0.4,
        "workflow": chance.choice([None, WORKFLOW]),
        "is_active": chance.random() < 0.8,
    }


def _step(machine: ChainMachine, chance: random.Random) -> None:  # noqa: C901, PLR0912 - a table of what can happen
    """Let one thing happen, if it can."""
    model, pick = machine.model, chance.randint(0, 1_000)
    crash = chance.choice(["", "", "", "before", "after"])
    states = ["SUCCEEDED", "SUCCEEDED", "FAILED", "FAILED", "TIMEOUT"]
    match chance.choices(range(13), weights=(4, 2, 12, 3, 2, 3, 4, 1, 1, 1, 1, 1, 4))[0]:
        case 0:
            machine.start_trigger(chance.choice([None, WORKFLOW]), crash)
        case 1:
            machine.start_workflow_run(crash)
        case 2 if machine.live():
            machine.end_some(pick, [(chance.choice(states), crash, chance.random() < 0.5)])
        case 3:
            machine.start_by_hand(chance.choice(JOBS), crash, queues=chance.random() < 0.7)
        case 4 if any(run.state not in LIVE for run in model.runs):
            machine.retry_by_hand(pick, crash, queues=chance.random() < 0.7)
        case 5 if model.runs:
            machine.stop_one(pick, crash)
        case 6 if any(run.to_retry for run in model.runs):
            machine.a_retry_comes_due(pick, crash)
        case 7 if machine.live("STARTING", "RUNNING", "STOPPING"):
            machine.lose_one(pick, crash)
        case 8 if machine.conditional():
            machine.start_or_stop_a_trigger(pick)
        case 9:
            machine.delete_or_make_a_job(chance.choice(JOBS), 0 if chance.random() < 0.3 else 1)
        case 10 if model.workflow_runs and chance.random() < 0.5:
            machine.stop_workflow_run(pick, crash)
        case 11 if machine.live("WAITING", "STARTING"):
            machine.launch_one(pick)
        case 12:
            surprises = [{job: chance.choice(states) for job in chance.sample(JOBS, 1)} for _ in range(3)]
            machine.run_a_chain(chance.choice([None, WORKFLOW]), surprises, chance.randint(0, 5))
        case _:
            machine.kill_now()

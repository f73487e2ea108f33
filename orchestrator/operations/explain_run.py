"""Why a run runs, waits or ended: who holds the slots, what its trigger saw, its chain, its attempts, its history.

Not an action of Glue's. What the supervisor holds is looked at just before the store is read: a run may have moved on
between the two, and is then told as the store has it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.model import schedule
from orchestrator.model.errors import EntityNotFoundError, InvalidInputError
from orchestrator.model.ids import JobRunId
from orchestrator.model.queue import Demand, Limits, Wait, in_use_dpu
from orchestrator.model.records import Firing, JobRun, Predecessor, Transition
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import End, Trigger, TriggerType, satisfied_by
from orchestrator.model.workflows import WorkflowRun
from orchestrator.operations.context import Context
from orchestrator.operations.look_up_chains import SeenChain, see_chain
from orchestrator.store import job_runs, jobs, triggers
from orchestrator.store.database import Transaction

MOST_NAMED: Final = 20
"""How many of the runs ahead are named; the others are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A run that takes slots."""

    run: JobRun
    dpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """What is held, and what there is."""

    limits: Limits
    in_use_dpu: float
    holders: Sequence[Holder]  # the longest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Queueing:
    """A run's place in the queue."""

    wait: Wait
    is_behind_its_job: bool  # the job's own runs hold it up, whatever slots are free
    queued: int  # how many wait in all
    head: tuple[int, JobRun] | None  # the first run that waits for slots, by its place, if this one waits behind it
    ahead: int  # how many runs of the same job stand before it
    first_ahead: Sequence[JobRun]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComingRetry:
    """An automatic retry that is still to be made."""

    of: JobRun
    due_ms: int
    number: int
    most: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """A condition of the trigger, and the end that it saw of that job; None: it counted none."""

    job_name: str
    wanted: JobRunState
    run_id: JobRunId | None
    state: JobRunState | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cause:
    """The trigger that started a run, or the first attempt of a run that is retried."""

    name: str
    trigger: Trigger | None  # as it is now, or as the workflow run began with it; None: it was deleted or changed since
    is_changed: bool  # what it is now would not have fired so
    firing: Firing | None  # None: a resumed workflow run repeats the run
    sights: Sequence[Sight]
    predecessors: Sequence[tuple[Predecessor, JobRunState | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All that is known about why a run is as it is."""

    run: JobRun
    history: Sequence[Transition]
    queueing: Queueing | None
    slots: Slots
    retry: ComingRetry | None
    cause: Cause | None
    chain: SeenChain | None
    attempts: Sequence[JobRun]


async def explain_run(ctx: Context, run_id: JobRunId) -> Explanation:
    """Explain a run.

    Raises:
        EntityNotFoundError: there is none of that id.
    """
    held, queued, waits = ctx.supervisor.held, ctx.supervisor.queued, ctx.supervisor.waits()
    limits = ctx.supervisor.limits

    def read(tx: Transaction) -> Explanation:
        run = job_runs.get_by_id(tx, run_id)
        chain = None if run.chain_key is None else see_chain(tx, run.chain_key)
        attempts = job_runs.family(tx, run.id.base)
        return Explanation(
            run=run,
            history=job_runs.history(tx, run),
            queueing=None if run.is_terminal else _queueing(tx, run, queued, held, waits, limits=limits),
            slots=_slots(tx, held, limits),
            retry=_coming_retry(tx, attempts),
            cause=_cause(tx, attempts[0], chain),  # a retry by hand has no trigger of its own
            chain=chain,
            attempts=attempts,
        )

    return await ctx.database.read(read)


def _queueing(
    tx: Transaction,
    run: JobRun,
    queued: Sequence[Demand],
    held: Mapping[JobRunId, Demand],
    waits: Mapping[JobRunId, Wait],
    *,
    limits: Limits,
) -> Queueing | None:
    wait = waits.get(run.id)
    if wait is None or not wait.place:
        return None
    own, before = queued[wait.place - 1], queued[: wait.place - 1]
    live = Counter(demand.job_key for demand in held.values())
    is_behind_its_job = live[own.job_key] >= own.concurrency_limit
    waits_for_slots = not is_behind_its_job and len(held) < limits.max_processes
    heads = (one for one in enumerate(before, start=1) if live[one[1].job_key] < one[1].concurrency_limit)
    head = next(heads, None) if waits_for_slots else None
    ahead = [demand.run_id for demand in before if demand.job_key == own.job_key]
    return Queueing(
        wait=wait,
        is_behind_its_job=is_behind_its_job,
        queued=len(queued),
        head=None if head is None else (head[0], job_runs.get_by_id(tx, head[1].run_id)),
        ahead=len(ahead),
        first_ahead=[job_runs.get_by_id(tx, one) for one in ahead[:MOST_NAMED]],
    )


def _slots(tx: Transaction, held: Mapping[JobRunId, Demand], limits: Limits) -> Slots:
    holders = [Holder(run=job_runs.get_by_id(tx, run_id), dpu=demand.dpu) for run_id, demand in held.items()]
    holders.sort(key=lambda holder: (holder.run.launched_on_ms or holder.run.last_modified_on_ms, holder.run.seq))
    return Slots(limits=limits, in_use_dpu=in_use_dpu(held.values()), holders=holders)


def _coming_retry(tx: Transaction, attempts: Sequence[JobRun]) -> ComingRetry | None:
    for run in attempts:
        if run.retry_due_ms is not None:
            most = jobs.definition(tx, run.version_key).max_retries or 0
            return ComingRetry(of=run, due_ms=run.retry_due_ms, number=run.retry_number + 1, most=most)
    return None


def _cause(tx: Transaction, first: JobRun, chain: SeenChain | None) -> Cause | None:
    """Return what started the first attempt of a run, if that was a trigger."""
    name = first.trigger_name
    if name is None:
        return None
    firing = None if chain is None else chain.firing_of(name)
    named = [(one, _state_of(tx, one)) for one in job_runs.predecessors(tx, first)]
    workflow_run = None if chain is None else chain.workflow_run
    is_changed = False
    if workflow_run is not None:
        trigger = next((one for one in workflow_run.triggers if one.name == name), None)
        if firing is not None and _is_resumption(firing, workflow_run):
            firing = None
    else:
        trigger = triggers.find(tx, name)
        is_changed = trigger is not None and firing is not None and not _fires_so(trigger, firing, named)
    if is_changed:
        trigger = None
    return Cause(
        name=name,
        trigger=trigger,
        is_changed=is_changed,
        firing=firing,
        sights=[] if trigger is None else _sights(trigger, named),
        predecessors=named,
    )


def _sights(trigger: Trigger, named: Sequence[tuple[Predecessor, JobRunState | None]]) -> list[Sight]:
    by_job = {one.job_name: (one.run_id, state) for one, state in named}
    sights = []
    for condition in trigger.definition.conditions:
        run_id, state = by_job.get(condition.job_name, (None, None))
        sights.append(Sight(job_name=condition.job_name, wanted=condition.state, run_id=run_id, state=state))
    return sights


def _is_resumption(firing: Firing, workflow_run: WorkflowRun) -> bool:
    """Say whether the firing only stands for one of the workflow run that this one resumes."""
    return workflow_run.previous_base_id is not None and firing.at_ms == workflow_run.started_on_ms


def _fires_so(trigger: Trigger, firing: Firing, named: Sequence[tuple[Predecessor, JobRunState | None]]) -> bool:
    """Say whether the trigger, as it is now, can have fired so. That it was modified is no proof: a stop does that."""
    if trigger.last_modified_on_ms <= firing.at_ms:
        return True
    definition = trigger.definition
    if firing.tick_ms is not None:
        return definition.schedule is not None and _is_instant(definition.schedule, firing.tick_ms)
    if not named:
        return definition.type is TriggerType.ON_DEMAND
    ends = {one.job_name: End(run_id=one.run_id, state=state) for one, state in named if state is not None}
    if len(ends) < len(named):  # a predecessor is not known any more
        return True
    return any({name for name, _ in satisfied_by(definition, ended, ends) or ()} == set(ends) for ended in ends)


def _is_instant(expression: str, tick_ms: int) -> bool:
    try:
        return schedule.parse(expression).upcoming(tick_ms - 1, 1) == [tick_ms]
    except InvalidInputError:  # accepted by another version of this program
        return False


def _state_of(tx: Transaction, before: Predecessor) -> JobRunState | None:
    """Return how a predecessor ended. An end is final, so that is what the trigger saw."""
    try:
        return job_runs.get_by_id(tx, before.run_id).state
    except EntityNotFoundError:
        return None

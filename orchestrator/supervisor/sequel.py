"""What follows from the end of a run: its retry, the triggers that it makes fire, the end of its workflow run.

All of it is done in the transaction that ends the run, so a kill -9 loses none of it and doubles none of it.

Source: glue-semantics §3.4 and §6.3; design §4.8.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Final

from orchestrator.model import arguments
from orchestrator.model import triggers as rules
from orchestrator.model import workflows as workflow_rules
from orchestrator.model.records import EventKind, Invocation, JobRun, NewRun, Predecessor
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import Trigger
from orchestrator.model.workflows import WorkflowRun, WorkflowRunStatus
from orchestrator.store import chains, events, job_runs, jobs, triggers, workflows
from orchestrator.store.database import Transaction
from orchestrator.supervisor.means import Means
from orchestrator.supervisor.triggered import start_actions

_TOLD: Final = frozenset({JobRunState.SUCCEEDED, JobRunState.FAILED, JobRunState.TIMEOUT, JobRunState.STOPPED})
"""The ends that others are told of, as EventBridge is."""


def follow(tx: Transaction, ended: JobRun, *, means: Means, at_ms: int, may_retry: bool = True) -> JobRun:
    """See to all that follows from the end of `ended`, and return it as it is then.

    `may_retry` is False for a run that was to end so: its retry was taken back, say.
    """
    _follow(tx, [(ended, may_retry)], means, at_ms)
    if ended.chain_key is not None:
        close_workflow_run(tx, ended.chain_key, at_ms=at_ms)
    is_changed = ended.state is JobRunState.FAILED  # it may be due to be tried again
    return job_runs.get_by_id(tx, ended.id) if is_changed else ended


def follow_stillborn(tx: Transaction, chain_key: int, runs: Iterable[JobRun], *, means: Means, at_ms: int) -> None:
    """See to all that follows from runs of a chain that ended where they began, and to its end if it has no others."""
    _follow(tx, [(run, False) for run in runs], means, at_ms)
    close_workflow_run(tx, chain_key, at_ms=at_ms)


def _follow(tx: Transaction, ends: Iterable[tuple[JobRun, bool]], means: Means, at_ms: int) -> None:
    """Follow each end, and those that it brings about. A workflow run is closed after all: one may start another run."""
    pending = deque(ends)
    while pending:
        run, may_be_retried = pending.popleft()
        if run.state in _TOLD:
            events.append(tx, run, EventKind.STATE_CHANGE, at_ms=at_ms)
        workflow_run = None if run.chain_key is None else workflows.find_run_of_chain(tx, run.chain_key)
        is_stopping = workflow_run is not None and workflow_run.status in (
            WorkflowRunStatus.STOPPING,
            WorkflowRunStatus.STOPPED,
        )
        if may_be_retried and not is_stopping and _plan_retry(tx, run, means, at_ms):
            continue
        if run.chain_key is not None and not is_stopping:
            stillborn = _fire_conditional(tx, run, run.chain_key, workflow_run, means=means, at_ms=at_ms)
            pending += [(born, False) for born in stillborn]


def fire(
    tx: Transaction,
    trigger: Trigger,
    chain_key: int,
    predecessors: Sequence[Predecessor],
    *,
    tick_ms: int | None = None,
    invocation: Invocation | None = None,
    means: Means,
    at_ms: int,
) -> list[JobRun]:
    """Fire a trigger in a chain, which the caller has seen that it did not before.

    Returns the runs that have ended already: the caller sees to what follows from them.
    """
    chains.record_firing(tx, trigger.name, chain_key, tick_ms=tick_ms, invocation=invocation, at_ms=at_ms)
    runs = start_actions(tx, trigger, chain_key, predecessors, means=means, at_ms=at_ms)
    return [run for run in runs if run.is_terminal]


def close_workflow_run(tx: Transaction, chain_key: int, *, at_ms: int) -> None:
    """End the workflow run that a chain is, if none of its runs is live or to be retried."""
    run = workflows.find_run_of_chain(tx, chain_key)
    if run is None or not run.is_live or chains.is_live(tx, chain_key):
        return
    is_stopping = run.status is WorkflowRunStatus.STOPPING
    status = WorkflowRunStatus.STOPPED if is_stopping else WorkflowRunStatus.COMPLETED
    workflows.set_status(tx, run, status, at_ms=at_ms)


def retry(tx: Transaction, failed: JobRun, *, means: Means, at_ms: int) -> JobRun | None:
    """Make the next attempt of a run whose retry is due; None where the job was deleted since, so that it is final."""
    job_runs.cancel_retry(tx, failed.id.base)
    if not jobs.is_current(tx, failed.version_key):
        follow(tx, failed, means=means, at_ms=at_ms, may_retry=False)
        return None
    attempt = NewRun(
        id=failed.id.retry(job_runs.highest_attempt(tx, failed.id.base) + 1),
        previous_attempt=failed.id.attempt,
        job_key=failed.job_key,
        version_key=failed.version_key,
        state=JobRunState.WAITING if failed.queuing_enabled else JobRunState.STARTING,
        arguments=failed.arguments,
        capacity=failed.capacity,
        timeout_min=failed.timeout_min,
        queuing_enabled=failed.queuing_enabled,
        notify_delay_after_min=failed.notify_delay_after_min,
        execution_class=failed.execution_class,
        security_configuration=failed.security_configuration,
        session_policy=failed.session_policy,
        trigger_name=failed.trigger_name,
        invocation=None,
        accepted_on_ms=at_ms,
        chain_key=failed.chain_key,
        retry_number=failed.retry_number + 1,
        predecessors=job_runs.predecessors(tx, failed),
    )
    return job_runs.insert(tx, attempt)


def _plan_retry(tx: Transaction, run: JobRun, means: Means, at_ms: int) -> bool:
    """Say when a failed run is to be tried again, if it is."""
    if run.state is not JobRunState.FAILED or not jobs.is_current(tx, run.version_key):
        return False
    if arguments.DEBUG in run.arguments:  # the next one would wait for a debugger that nobody brings
        return False
    most = jobs.definition(tx, run.version_key).max_retries or 0
    if run.retry_number >= most or run.id.attempt < job_runs.highest_attempt(tx, run.id.base):
        return False
    job_runs.set_retry_due(tx, run, at_ms + means.policy.retry_delay.before_ms(run.retry_number + 1))
    return True


def _fire_conditional(
    tx: Transaction, ended: JobRun, chain_key: int, workflow_run: WorkflowRun | None, *, means: Means, at_ms: int
) -> list[JobRun]:
    """Fire the triggers that the end of `ended` satisfies; return the runs of theirs that have ended already."""
    newest = chains.ends(tx, chain_key, [ended.job_name]).get(ended.job_name)
    if newest is None or newest.run_id != ended.id:  # what counts is a later run of the job
        return []
    stillborn: list[JobRun] = []
    for trigger in _watching(tx, ended.job_name, workflow_run):
        definition = trigger.definition
        if chains.has_fired(tx, trigger.name, chain_key):
            continue
        names = dict.fromkeys(condition.job_name for condition in definition.conditions)
        ends = rules.satisfied_by(definition, ended.job_name, chains.ends(tx, chain_key, names))
        if ends is not None:
            predecessors = [Predecessor(job_name=name, run_id=end.run_id) for name, end in ends]
            stillborn += fire(tx, trigger, chain_key, predecessors, means=means, at_ms=at_ms)
    return stillborn


def _watching(tx: Transaction, job_name: str, workflow_run: WorkflowRun | None) -> list[Trigger]:
    """Return the triggers that watch a job: in a workflow run those that it began with, else those outside of workflows."""
    if workflow_run is None:
        return triggers.list_watching(tx, job_name)
    return [
        trigger
        for trigger in workflow_run.triggers
        if workflow_rules.may_fire(trigger)
        and any(condition.job_name == job_name for condition in trigger.definition.conditions)
    ]

"""Accepting a run: everything that is decided before it is on disk, in the transaction that puts it there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from orchestrator.model import arguments, definitions
from orchestrator.model.errors import (
    ConcurrentRunsExceededError,
    EntityNotFoundError,
    InvalidInputError,
    ResourceNumberLimitExceededError,
)
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import CapacityRequest, Invocation, Job, JobRun, NewRun, Predecessor
from orchestrator.model.states import JobRunState
from orchestrator.model.workflows import WorkflowRun, WorkflowRunStatus
from orchestrator.store import bookmarks, chains, job_runs, jobs, workflows
from orchestrator.store.database import Transaction
from orchestrator.supervisor.invocations import check_same
from orchestrator.supervisor.means import Means


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """A run as somebody asks for it; None where nothing was said."""

    job_name: str
    retry_of: str | None = None  # the id of an earlier run
    arguments: Mapping[str, str] | None = None
    capacity: CapacityRequest
    timeout_min: int | None = None
    queuing_enabled: bool | None = None
    notify_delay_after_min: int | None = None
    execution_class: str | None = None
    security_configuration: str | None = None
    session_policy: str | None = None
    invocation: Invocation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a run comes from: nobody's trigger and no chain, unless it says otherwise."""

    trigger_name: str | None = None
    chain_key: int | None = None
    predecessors: Sequence[Predecessor] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The run that answers a call, and, where this call stored it, what the dispatcher needs to know of it."""

    run_id: JobRunId
    run: JobRun | None = None
    concurrency_limit: int = 0


def accept_run(
    tx: Transaction, request: RunRequest, *, means: Means, at_ms: int, full_queue: int | None = None
) -> Acceptance:
    """Store one run of a job, or find the one that the same call of an SDK has stored before.

    `full_queue` is how many runs wait already, where no more may.

    Raises:
        EntityNotFoundError: no such job, or no such run to retry.
        InvalidInputError: the request breaks a rule, or its invocation id came before with another request.
        ResourceNumberLimitExceededError: the run asks for more DPU than there are slots, or too many wait already.
        ConcurrentRunsExceededError: the job's live runs are at its limit, and queuing is off; or the retry would let a
            workflow run go on, and the workflow's live runs are at their limit.
    """
    if request.invocation is not None:
        known = job_runs.find_by_invocation(tx, request.invocation.id_digest)
        if known is not None:
            run_id, request_digest = known
            check_same(request_digest, request.invocation)
            return Acceptance(run_id=run_id)
    if full_queue is not None:
        raise ResourceNumberLimitExceededError.queue(full_queue)
    job = jobs.find(tx, request.job_name)
    if job is None:
        raise EntityNotFoundError.job_to_start()
    previous = _earlier_run(tx, request)
    origin = _origin(tx, previous, means, at_ms)
    if previous is not None:
        job_runs.cancel_retry(tx, previous.id.base)
    run = insert_run(tx, request, job, previous, origin, means=means, at_ms=at_ms)
    return Acceptance(run_id=run.id, run=run, concurrency_limit=job.definition.concurrency_limit)


def insert_run(
    tx: Transaction, request: RunRequest, job: Job, previous: JobRun | None, origin: Origin, *, means: Means, at_ms: int
) -> JobRun:
    """Store one run of `job`; where it raises, nothing is stored.

    Raises:
        InvalidInputError: the request breaks a rule.
        ResourceNumberLimitExceededError: the run asks for more DPU than there are slots.
        ConcurrentRunsExceededError: the job's live runs are at its limit, and queuing is off.
    """
    definition = job.definition
    overrides = _overrides(tx, request, job, previous)
    capacity = definitions.run_capacity(request.capacity, definition, means.policy.cap_dpu)
    is_queuing = request.queuing_enabled
    if is_queuing is None:
        is_queuing = bool(definition.job_run_queuing_enabled)
    if not is_queuing and not job_runs.has_room(tx, job.job_key, definition.concurrency_limit):
        raise ConcurrentRunsExceededError(job.name)
    if previous is None:
        run_id = JobRunId(means.new_base())
    else:
        run_id = previous.id.retry(job_runs.highest_attempt(tx, previous.id.base) + 1)
    new = NewRun(
        id=run_id,
        previous_attempt=previous.id.attempt if previous else None,
        job_key=job.job_key,
        version_key=job.version_key,
        state=JobRunState.WAITING if is_queuing else JobRunState.STARTING,
        arguments=overrides,
        capacity=capacity,
        timeout_min=definitions.timeout_min(request.timeout_min, definition),
        queuing_enabled=is_queuing,
        notify_delay_after_min=request.notify_delay_after_min or definition.notify_delay_after_min,
        execution_class=request.execution_class or definition.execution_class,
        security_configuration=request.security_configuration or definition.security_configuration,
        session_policy=request.session_policy,
        trigger_name=origin.trigger_name,
        invocation=request.invocation,
        accepted_on_ms=at_ms,
        chain_key=origin.chain_key,
        predecessors=origin.predecessors,
    )
    return job_runs.insert(tx, new, job)


def _overrides(tx: Transaction, request: RunRequest, job: Job, previous: JobRun | None) -> Mapping[str, str]:
    """Return the run's own arguments, which with the job's can be passed to a script."""
    definition = job.definition
    overrides = request.arguments
    if overrides is None:
        overrides = previous.arguments if previous else {}
    definitions.check_timeout(request.timeout_min)
    arguments.check_overridable(overrides, "Arguments")
    merged = arguments.merge(definition.default_arguments, overrides, definition.non_overridable_arguments)
    arguments.check_merged(merged)
    _check_window(tx, job, merged)
    return overrides


def _origin(tx: Transaction, previous: JobRun | None, means: Means, at_ms: int) -> Origin:
    """Return the chain of a run that somebody starts by hand: a retry rejoins that of the run it retries."""
    if previous is None:
        return Origin(chain_key=chains.create(tx, at_ms=at_ms) if means.policy.fire_on_manual_runs else None)
    workflow_run = None if previous.chain_key is None else workflows.find_run_of_chain(tx, previous.chain_key)
    if workflow_run is not None:
        _reopen(tx, workflow_run, at_ms)
    return Origin(chain_key=previous.chain_key)


def _reopen(tx: Transaction, workflow_run: WorkflowRun, at_ms: int) -> None:
    """Let a workflow run go on that has ended; its workflow's limit holds as for a new one."""
    if workflow_run.status is WorkflowRunStatus.STOPPING:
        sentence = f"Workflow run {workflow_run.id} is STOPPING; its job runs can be retried when it has STOPPED."
        raise InvalidInputError(sentence)
    if workflow_run.is_live:
        return
    workflow = workflows.find(tx, workflow_run.workflow_name)
    most = workflow.definition.max_concurrent_runs if workflow else None
    if most is not None and workflows.count_live(tx, workflow_run.workflow_name) >= most:
        raise ConcurrentRunsExceededError(workflow_run.workflow_name)
    workflows.set_status(tx, workflow_run, WorkflowRunStatus.RUNNING, at_ms=at_ms)


def _earlier_run(tx: Transaction, request: RunRequest) -> JobRun | None:
    if request.retry_of is None:
        return None
    previous = job_runs.get_of_job(tx, request.job_name, request.retry_of)
    if not previous.is_terminal:
        sentence = f"Job run {previous.id} is in state {previous.state}; only a run that has ended can be retried."
        raise InvalidInputError(sentence)
    return previous


def _check_window(tx: Transaction, job: Job, merged: Mapping[str, str]) -> None:
    for key in (arguments.BOOKMARK_FROM, arguments.BOOKMARK_TO):
        run_id = merged.get(key)
        if run_id:
            job_runs.get_of_job(tx, job.name, run_id)
            if bookmarks.find(tx, job.job_key) is None:
                raise EntityNotFoundError.bookmark(job.name)

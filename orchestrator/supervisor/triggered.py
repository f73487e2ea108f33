"""The runs that one firing of a trigger makes.

Nobody waits for an answer here, so what StartJobRun would refuse becomes a run that has failed, with the reason.
"""

import math
from collections.abc import Sequence

import structlog

from orchestrator.model import definitions
from orchestrator.model.errors import ConcurrentRunsExceededError, RequestError
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import Capacity, CapacityRequest, Job, JobRun, NewRun, Predecessor, RunFigures
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.model.triggers import Action, Trigger
from orchestrator.store import job_runs, jobs
from orchestrator.store.database import Transaction
from orchestrator.supervisor.intake import Origin, RunRequest, insert_run
from orchestrator.supervisor.means import Means

log = structlog.stdlib.get_logger()


def start_actions(
    tx: Transaction,
    trigger: Trigger,
    chain_key: int,
    predecessors: Sequence[Predecessor],
    *,
    means: Means,
    at_ms: int,
) -> list[JobRun]:
    """Store a run for each of the trigger's actions and return them; some may have ended already."""
    origin = Origin(trigger_name=trigger.name, chain_key=chain_key, predecessors=predecessors)
    runs = [start_action(tx, action, origin, means=means, at_ms=at_ms) for action in trigger.definition.actions]
    return [run for run in runs if run is not None]


def start_action(tx: Transaction, action: Action, origin: Origin, *, means: Means, at_ms: int) -> JobRun | None:
    """Store the run of one action; None where the job is busy and such runs are to be skipped."""
    job = jobs.find_latest(tx, action.job_name)
    if job is None:
        log.warning("trigger_names_no_job", trigger=origin.trigger_name, job=action.job_name)
        return None
    if not jobs.is_current(tx, job.version_key):
        message = f"The trigger started a run of job {job.name}, which does not exist any more"
        return _stillborn(
            tx, job, action, origin, event=RunEvent.JOB_MISSING, message=message, means=means, at_ms=at_ms
        )
    request = RunRequest(
        job_name=job.name,
        arguments=action.arguments,
        capacity=CapacityRequest(),
        timeout_min=action.timeout_min,
        queuing_enabled=True if means.policy.on_busy == "queue" else None,
        notify_delay_after_min=action.notify_delay_after_min,
        security_configuration=action.security_configuration,
    )
    try:
        return insert_run(tx, request, job, None, origin, means=means, at_ms=at_ms)
    except RequestError as error:
        if isinstance(error, ConcurrentRunsExceededError) and means.policy.on_busy == "skip":
            log.warning("trigger_skips_busy_job", trigger=origin.trigger_name, job=job.name)
            return None
        return _stillborn(
            tx, job, action, origin, event=RunEvent.LAUNCH_FAILED, message=str(error), means=means, at_ms=at_ms
        )


def _stillborn(
    tx: Transaction,
    job: Job,
    action: Action,
    origin: Origin,
    *,
    event: RunEvent,
    message: str,
    means: Means,
    at_ms: int,
) -> JobRun:
    """Store a run that ends where it begins, with the reason."""
    definition = job.definition
    try:
        capacity = definitions.run_capacity(CapacityRequest(), definition, math.inf)
    except RequestError:  # the reason why it cannot run, perhaps: then it takes what the smallest run does
        capacity = Capacity(dpu=1.0)
    new = NewRun(
        id=JobRunId(means.new_base()),
        previous_attempt=None,
        job_key=job.job_key,
        version_key=job.version_key,
        state=JobRunState.STARTING,
        arguments=action.arguments or {},
        capacity=capacity,
        timeout_min=definitions.timeout_min(action.timeout_min, definition),
        queuing_enabled=False,
        notify_delay_after_min=None,
        execution_class=definition.execution_class,
        security_configuration=action.security_configuration or definition.security_configuration,
        session_policy=None,
        trigger_name=origin.trigger_name,
        invocation=None,
        accepted_on_ms=at_ms,
        chain_key=origin.chain_key,
        predecessors=origin.predecessors,
    )
    run = job_runs.insert(tx, new)
    return job_runs.move(tx, run.id, event, at_ms=at_ms, error_message=message, figures=RunFigures(wall_ms=0))

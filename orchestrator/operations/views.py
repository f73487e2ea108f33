"""From records to Glue's shapes: one function for each."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from orchestrator.model import capacity, definitions
from orchestrator.model.ids import JobRunId
from orchestrator.model.queue import Wait
from orchestrator.model.records import (
    BookmarkEntry,
    CapacityRequest,
    Command,
    Job,
    JobDefinition,
    JobRun,
    Predecessor,
)
from orchestrator.model.states import JobRunState
from orchestrator.wire import shapes
from orchestrator.wire.encode import seconds

_MS_PER_S: Final = 1000
_CLOCKED: Final = frozenset({JobRunState.RUNNING, JobRunState.STOPPING})
ECHOED: Final = (
    "job_mode",
    "log_uri",
    "connections",
    "tags",
    "code_gen_configuration_nodes",
    "source_control_details",
    "maintenance_window",
)
"""Members of a job that are kept and given back untouched."""


def job_run_shape(
    run: JobRun, *, now_ms: int, waits: Mapping[JobRunId, Wait], predecessors: Iterable[Predecessor] = ()
) -> shapes.JobRun:
    """Return a run as clients see it. All that they index without a default is there (glue-semantics §12)."""
    wait = waits.get(run.id)
    delay = run.notify_delay_after_min
    return shapes.JobRun(
        id=str(run.id),
        attempt=run.id.attempt,
        previous_run_id=None if run.previous_attempt is None else str(run.id.retry(run.previous_attempt)),
        trigger_name=run.trigger_name,
        job_name=run.job_name,
        job_run_queuing_enabled=run.queuing_enabled,
        started_on=seconds(run.started_on_ms),
        last_modified_on=seconds(run.last_modified_on_ms),
        completed_on=None if run.completed_on_ms is None else seconds(run.completed_on_ms),
        job_run_state=run.state,
        arguments=dict(run.arguments),
        error_message=run.error_message,
        predecessor_runs=[shapes.Predecessor(job_name=p.job_name, run_id=str(p.run_id)) for p in predecessors],
        allocated_capacity=int(run.capacity.dpu),
        max_capacity=run.capacity.dpu,
        execution_time=execution_time_s(run, now_ms),
        timeout=run.timeout_min,
        worker_type=run.capacity.worker_type,
        number_of_workers=run.capacity.number_of_workers,
        security_configuration=run.security_configuration,
        log_group_name="/aws-glue/python-jobs" if run.command_name == "pythonshell" else "/aws-glue/jobs",
        notification_property=None if delay is None else shapes.NotificationProperty(notify_delay_after=delay),
        glue_version=run.glue_version,
        execution_class=run.execution_class,
        state_detail=wait.reason if wait else None,
        execution_role_session_policy=run.session_policy,
    )


def execution_time_s(run: JobRun, now_ms: int) -> int:
    """Return the whole seconds during which the run's script ran; 0 while it does not."""
    if run.figures.wall_ms is not None:
        return run.figures.wall_ms // _MS_PER_S
    if run.launched_on_ms is None:
        return 0
    if run.state in _CLOCKED:
        return max(0, now_ms - run.launched_on_ms) // _MS_PER_S
    return max(0, (run.completed_on_ms or run.launched_on_ms) - run.launched_on_ms) // _MS_PER_S


def job_shape(job: Job) -> shapes.Job:
    """Return a job with the members it was made with, and, as Glue does, both capacities."""
    definition, command = job.definition, job.definition.command
    settled = capacity.shown(definition.capacity, command.name)
    concurrency, delay = definition.max_concurrent_runs, definition.notify_delay_after_min
    echoed = {name: value for name, value in definition.echoed.items() if name != "tags"}  # GetTags answers those
    return shapes.Job(
        name=job.name,
        job_run_queuing_enabled=definition.job_run_queuing_enabled,
        description=definition.description,
        role=definition.role,
        created_on=seconds(job.created_on_ms),
        last_modified_on=seconds(job.last_modified_on_ms),
        execution_property=None if concurrency is None else shapes.ExecutionProperty(max_concurrent_runs=concurrency),
        command=shapes.JobCommand(
            name=command.name,
            script_location=command.script_location,
            python_version=command.python_version,
            runtime=command.runtime,
        ),
        default_arguments=_map(definition.default_arguments),
        non_overridable_arguments=_map(definition.non_overridable_arguments),
        max_retries=definition.max_retries,
        allocated_capacity=int(settled.dpu),
        max_capacity=settled.dpu,
        timeout=definition.timeout_min,
        worker_type=definition.capacity.worker_type,
        number_of_workers=definition.capacity.number_of_workers,
        security_configuration=definition.security_configuration,
        notification_property=None if delay is None else shapes.NotificationProperty(notify_delay_after=delay),
        glue_version=definition.glue_version,
        execution_class=definition.execution_class,
        **echoed,
    )


def definition_of(
    request: shapes.CreateJobRequest | shapes.JobUpdate, *, before: JobDefinition | None = None
) -> JobDefinition:
    """Return the definition that a request describes, checked.

    An update replaces everything; only Role and Command, without which there is no job, stay as they were `before`.

    Raises:
        InvalidInputError: no run could follow it; names the member.
    """
    command = request.command
    if command is not None:
        made = Command(
            name=command.name or "",
            script_location=command.script_location,
            python_version=command.python_version,
            runtime=command.runtime,
        )
    else:
        made = before.command if before else Command(name="")
    execution, notification = request.execution_property, request.notification_property
    echoed = request.model_dump(include=set(ECHOED), exclude_none=True, by_alias=True, mode="json")
    names = {name: shapes.CreateJobRequest.model_fields[name].alias or name for name in ECHOED}
    definition = JobDefinition(
        role=request.role or (before.role if before else ""),
        command=made,
        default_arguments=request.default_arguments,
        non_overridable_arguments=request.non_overridable_arguments,
        max_concurrent_runs=execution.max_concurrent_runs if execution else None,
        max_retries=request.max_retries,
        timeout_min=request.timeout,
        capacity=capacity_request(request),
        glue_version=request.glue_version,
        job_run_queuing_enabled=request.job_run_queuing_enabled,
        notify_delay_after_min=notification.notify_delay_after if notification else None,
        execution_class=request.execution_class,
        security_configuration=request.security_configuration,
        description=request.description,
        echoed={name: echoed[names[name]] for name in ECHOED if names[name] in echoed},
    )
    definitions.check(definition)
    return definition


def capacity_request(
    request: shapes.CreateJobRequest | shapes.JobUpdate | shapes.StartJobRunRequest,
) -> CapacityRequest:
    """Return the capacity that a request asks for, in whichever form."""
    return CapacityRequest(
        allocated_capacity=request.allocated_capacity,
        max_capacity=request.max_capacity,
        worker_type=request.worker_type,
        number_of_workers=request.number_of_workers,
    )


def bookmark_shape(entry: BookmarkEntry, job_name: str) -> shapes.JobBookmarkEntry:
    """Return a bookmark's entry."""
    return shapes.JobBookmarkEntry(
        job_name=job_name,
        version=entry.version,
        run=entry.run,
        attempt=entry.attempt,
        previous_run_id=entry.previous_run_id,
        run_id=entry.run_id,
        job_bookmark=entry.bookmark,
    )


def _map(arguments: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if arguments is None else dict(arguments)

"""Workflows and their runs: from records to Glue's shapes, and back."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.model import run_properties
from orchestrator.model import workflows as rules
from orchestrator.model.ids import JobRunId
from orchestrator.model.queue import Wait
from orchestrator.model.records import JobRun, Predecessor
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import Trigger
from orchestrator.model.workflows import Workflow, WorkflowDefinition, WorkflowRun
from orchestrator.operations.trigger_views import trigger_shape
from orchestrator.operations.views import job_run_shape
from orchestrator.wire import shapes
from orchestrator.wire.encode import seconds

_COUNTED_AS: Final[Mapping[JobRunState, str]] = {
    JobRunState.SUCCEEDED: "succeeded_actions",
    JobRunState.FAILED: "failed_actions",
    JobRunState.STOPPED: "stopped_actions",
    JobRunState.TIMEOUT: "timeout_actions",
    JobRunState.ERROR: "errored_actions",
    JobRunState.WAITING: "waiting_actions",
}
"""Every other state is one of a run that goes on."""
_RUNNING: Final = "running_actions"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRun:
    """A workflow run and the job runs in it, as of one moment."""

    run: WorkflowRun
    job_runs: Sequence[tuple[JobRun, Sequence[Predecessor]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenWorkflow:
    """A workflow, its triggers and its last run, as of one moment."""

    workflow: Workflow
    triggers: Sequence[Trigger]
    last_run: SeenRun | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What the shape of a live run needs beside its record."""

    now_ms: int
    waits: Mapping[JobRunId, Wait]


def workflow_shape(seen: SeenWorkflow, moment: Moment, *, with_graph: bool) -> shapes.Workflow:
    """Return a workflow with its last run; the graphs of both only if they are asked for."""
    workflow, definition, last = seen.workflow, seen.workflow.definition, seen.last_run
    return shapes.Workflow(
        name=workflow.name,
        description=definition.description,
        default_run_properties=_map(definition.default_run_properties),
        created_on=seconds(workflow.created_on_ms),
        last_modified_on=seconds(workflow.last_modified_on_ms),
        last_run=None if last is None else workflow_run_shape(last, moment, with_graph=with_graph),
        graph=_graph_shape(workflow.name, seen.triggers, {}) if with_graph else None,
        max_concurrent_runs=definition.max_concurrent_runs,
    )


def workflow_run_shape(seen: SeenRun, moment: Moment, *, with_graph: bool) -> shapes.WorkflowRun:
    """Return a workflow run; its graph, with the job runs at their nodes, only if it is asked for."""
    run = seen.run
    by_job: dict[str, list[shapes.JobRun]] = {}
    for job_run, before in seen.job_runs if with_graph else ():
        shape = job_run_shape(job_run, now_ms=moment.now_ms, waits=moment.waits, predecessors=before)
        by_job.setdefault(job_run.job_name, []).append(shape)
    return shapes.WorkflowRun(
        name=run.workflow_name,
        workflow_run_id=run.id,
        previous_run_id=None if run.previous_base_id is None else rules.run_id(run.previous_base_id),
        workflow_run_properties=dict(run.properties),
        started_on=seconds(run.started_on_ms),
        completed_on=None if run.completed_on_ms is None else seconds(run.completed_on_ms),
        status=run.status,
        error_message=run.error_message,
        statistics=statistics(run.triggers, [job_run for job_run, _ in seen.job_runs]),
        graph=_graph_shape(run.workflow_name, run.triggers, by_job) if with_graph else None,
    )


def statistics(triggers: Sequence[Trigger], job_runs: Sequence[JobRun]) -> shapes.WorkflowRunStatistics:
    """Count the actions of a workflow run.

    TotalActions is what the run consists of if every trigger of it fires, as in Glue; the others count what has begun,
    an action with retries once, by its newest attempt. One whose automatic retry is still to come counts as running.
    """
    newest: dict[bytes, JobRun] = {}
    for run in sorted(job_runs, key=lambda one: one.id.attempt):
        newest[run.id.base] = run
    counts = Counter(
        _RUNNING if run.retry_due_ms is not None else _COUNTED_AS.get(run.state, _RUNNING) for run in newest.values()
    )
    planned = sum(len(trigger.definition.actions) for trigger in triggers)
    return shapes.WorkflowRunStatistics(
        total_actions=max(planned, len(newest)),
        **{name: counts[name] for name in (*_COUNTED_AS.values(), _RUNNING)},
    )


def _graph_shape(
    workflow_name: str, triggers: Sequence[Trigger], job_runs: Mapping[str, list[shapes.JobRun]]
) -> shapes.WorkflowGraph:
    graph = rules.graph(triggers)
    by_name = {trigger.name: trigger for trigger in triggers}
    nodes = []
    for node in graph.nodes:
        is_trigger = node.type == "TRIGGER"
        trigger = shapes.TriggerNodeDetails(trigger=trigger_shape(by_name[node.name])) if is_trigger else None
        job = None if is_trigger else shapes.JobNodeDetails(job_runs=job_runs.get(node.name, []))
        unique_id = node.unique_id(workflow_name)
        shape = shapes.Node(
            type=node.type, name=node.name, unique_id=unique_id, trigger_details=trigger, job_details=job
        )
        nodes.append(shape)
    edges = [
        shapes.Edge(source_id=source.unique_id(workflow_name), destination_id=target.unique_id(workflow_name))
        for source, target in graph.edges
    ]
    return shapes.WorkflowGraph(nodes=nodes, edges=edges)


def definition_of(request: shapes.CreateWorkflowRequest | shapes.UpdateWorkflowRequest) -> WorkflowDefinition:
    """Return the definition that a request describes, checked.

    Raises:
        InvalidInputError: no run could follow it; names the member.
    """
    definition = WorkflowDefinition(
        description=request.description,
        default_run_properties=request.default_run_properties,
        max_concurrent_runs=request.max_concurrent_runs,
    )
    rules.check(definition)
    run_properties.check(definition.default_run_properties, "DefaultRunProperties")
    return definition


def is_same(one: WorkflowDefinition, other: WorkflowDefinition) -> bool:
    """Say whether two definitions are the same workflow: what is empty is as good as not given."""
    return (
        (one.description or "") == (other.description or "")
        and (one.default_run_properties or {}) == (other.default_run_properties or {})
        and one.max_concurrent_runs == other.max_concurrent_runs
    )


def _map(properties: Mapping[str, str] | None) -> dict[str, str] | None:
    return None if properties is None else dict(properties)

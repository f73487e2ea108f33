"""What the plain routes tell, as JSON's types: snake_case, units in the names, null where nothing is to be told."""

from collections.abc import Mapping
from typing import Any

from orchestrator.faces.people.run_views import run_view, step_view
from orchestrator.model.chain_tree import FiringLine, Line
from orchestrator.model.ids import JobRunId
from orchestrator.model.queue import Wait
from orchestrator.model.records import Firing, JobRun
from orchestrator.model.redaction import Redaction
from orchestrator.model.states import JobRunState
from orchestrator.model.workflows import Workflow, WorkflowRun, graph, run_id
from orchestrator.operations.explain_run import Cause, ComingRetry, Explanation, Queueing, Slots
from orchestrator.operations.look_up_chains import SeenChain
from orchestrator.operations.look_up_triggers import LastFiring, SeenTrigger
from orchestrator.operations.look_up_workflows import ListedWorkflow, LookedUpRun
from orchestrator.operations.workflow_views import statistics


def trigger_view(seen: SeenTrigger, redaction: Redaction) -> dict[str, Any]:
    """Return a trigger with its next firings and its last one."""
    trigger, definition = seen.trigger, seen.trigger.definition
    return {
        "name": trigger.name,
        "type": definition.type,
        "state": trigger.state,
        "workflow_name": definition.workflow_name,
        "description": definition.description and redaction.text(definition.description),
        "schedule": definition.schedule,
        "upcoming_ms": list(seen.upcoming_ms),
        "logical": definition.logical,
        "watches": [{"job_name": one.job_name, "state": one.state} for one in definition.conditions],
        "starts": [one.job_name for one in definition.actions],
        "last_firing": None if seen.last is None else _last_firing(seen.last),
        "source": trigger.source,
    }


def workflow_view(workflow: Workflow, redaction: Redaction) -> dict[str, Any]:
    """Return a workflow."""
    definition = workflow.definition
    return {
        "name": workflow.name,
        "description": definition.description and redaction.text(definition.description),
        "default_run_properties": redaction.arguments(definition.default_run_properties or {}),
        "max_concurrent_runs": definition.max_concurrent_runs,
        "created_on_ms": workflow.created_on_ms,
        "last_modified_on_ms": workflow.last_modified_on_ms,
    }


def listed_workflow_view(seen: ListedWorkflow, redaction: Redaction) -> dict[str, Any]:
    """Return a workflow with how many of its runs are live, and its last run."""
    run = seen.last
    times = {} if run is None else {"started_on_ms": run.started_on_ms, "completed_on_ms": run.completed_on_ms}
    return {
        **workflow_view(seen.workflow, redaction),
        "live_runs": seen.live,
        "last_run": None if run is None else {**workflow_run_name(run), **times},
    }


def workflow_run_view(seen: LookedUpRun, redaction: Redaction) -> dict[str, Any]:
    """Return a run of a workflow with its statistics."""
    run = seen.run
    return {
        **workflow_run_name(run),
        "previous_run_id": None if run.previous_base_id is None else run_id(run.previous_base_id),
        "chain_key": run.chain_key,
        "properties": redaction.arguments(run.properties),
        "started_on_ms": run.started_on_ms,
        "completed_on_ms": run.completed_on_ms,
        "error_message": run.error_message and redaction.text(run.error_message),
        "statistics": statistics(run.triggers, seen.chain.runs).model_dump(by_alias=False),
    }


def resumable_view(seen: LookedUpRun) -> dict[str, str]:
    """Return the nodes from which a run that has ended can be resumed by job: those whose last run did not succeed."""
    if seen.run.is_live:
        return {}
    last = {run.job_name: run.state for run in sorted(seen.chain.runs, key=lambda run: run.seq)}
    nodes = (node for node in graph(seen.run.triggers).nodes if node.type == "JOB")
    return {
        node.name: node.unique_id(seen.run.workflow_name)
        for node in nodes
        if last.get(node.name, JobRunState.SUCCEEDED) != JobRunState.SUCCEEDED
    }


def workflow_run_name(run: WorkflowRun) -> dict[str, Any]:
    """Return which run of which workflow it is, and its status."""
    return {"workflow_name": run.workflow_name, "id": run.id, "status": run.status}


def chain_view(chain: SeenChain) -> dict[str, Any]:
    """Return a chain as the lines of its tree, each with its depth, in the order in which they are read."""
    return {"key": chain.chain_key, "lines": [_line(line) for line in chain.lines]}


def explanation_view(
    seen: Explanation, *, now_ms: int, waits: Mapping[JobRunId, Wait], redaction: Redaction
) -> dict[str, Any]:
    """Return why a run is as it is."""
    workflow_run = seen.chain.workflow_run if seen.chain else None
    return {
        "now_ms": now_ms,
        "run": run_view(seen.run, now_ms=now_ms, waits=waits, redaction=redaction),
        "wait": None if seen.queueing is None else _queueing(seen.queueing),
        "slots": _slots(seen.slots),
        "retry": None if seen.retry is None else _retry(seen.retry),
        "trigger": None if seen.cause is None else _cause(seen.cause),
        "workflow_run": None if workflow_run is None else workflow_run_name(workflow_run),
        "chain": None if seen.chain is None else chain_view(seen.chain),
        "attempts": [run_view(run, now_ms=now_ms, waits=waits, redaction=redaction) for run in seen.attempts],
        "history": [step_view(step) for step in seen.history],
    }


def _last_firing(last: LastFiring) -> dict[str, Any]:
    return {
        **_firing(last.firing),
        "chain_key": last.firing.chain_key,
        "runs": [_brief(run) for run in last.runs],
    }


def _firing(firing: Firing) -> dict[str, Any]:
    return {"at_ms": firing.at_ms, "tick_ms": firing.tick_ms}


def _brief(run: JobRun) -> dict[str, Any]:
    return {"id": str(run.id), "job_name": run.job_name, "state": run.state}


def _line(line: Line) -> dict[str, Any]:
    if isinstance(line, FiringLine):
        predecessors = [
            {"job_name": named.job_name, "run_id": str(named.run_id), "state": run.state if run else None}
            for named, run in line.predecessors
        ]
        told = {"trigger_name": line.firing.trigger_name, **_firing(line.firing), "predecessors": predecessors}
        return {"depth": line.depth, "kind": "firing", **told}
    newest = line.newest
    return {
        "depth": line.depth,
        "kind": "run",
        **_brief(newest),
        "attempts": len(line.attempts),
        "started_on_ms": newest.started_on_ms,
        "completed_on_ms": newest.completed_on_ms,
        "retry_due_ms": newest.retry_due_ms,
        "is_inherited": line.is_inherited,
    }


def _queueing(queueing: Queueing) -> dict[str, Any]:
    head = queueing.head
    return {
        "place": queueing.wait.place,
        "reason": queueing.wait.reason,
        "is_behind_its_job": queueing.is_behind_its_job,
        "queued": queueing.queued,
        "head": None if head is None else {**_brief(head[1]), "place": head[0], "dpu": head[1].capacity.dpu},
        "ahead_of_job": queueing.ahead,
        "first_ahead_of_job": [_brief(run) for run in queueing.first_ahead],
    }


def _slots(slots: Slots) -> dict[str, Any]:
    return {
        "dpus": slots.limits.dpus,
        "in_use_dpu": slots.in_use_dpu,
        "max_processes": slots.limits.max_processes,
        "held": [
            {**_brief(one.run), "dpu": one.dpu, "since_ms": one.run.launched_on_ms or one.run.last_modified_on_ms}
            for one in slots.holders
        ],
    }


def _retry(retry: ComingRetry) -> dict[str, Any]:
    return {"of": str(retry.of.id), "due_ms": retry.due_ms, "number": retry.number, "most": retry.most}


def _cause(cause: Cause) -> dict[str, Any]:
    definition = cause.trigger.definition if cause.trigger else None
    return {
        "name": cause.name,
        "is_changed": cause.is_changed,
        "type": definition.type if definition else None,
        "schedule": definition.schedule if definition else None,
        "logical": definition.logical if definition else None,
        "firing": None if cause.firing is None else _firing(cause.firing),
        "conditions": [
            {
                "job_name": sight.job_name,
                "wanted": sight.wanted,
                "run_id": None if sight.run_id is None else str(sight.run_id),
                "state": sight.state,
            }
            for sight in cause.sights
        ],
        "predecessors": [
            {"job_name": named.job_name, "run_id": str(named.run_id), "state": state}
            for named, state in cause.predecessors
        ],
    }

"""Workflow runs: a chain with a name, a status, properties, and the triggers as they were when it began."""

from collections.abc import Mapping, Sequence

from orchestrator.model import workflows as rules
from orchestrator.model.errors import ConcurrentRunsExceededError, IllegalWorkflowStateError, InvalidInputError
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import Invocation, JobRun
from orchestrator.model.triggers import Action, Trigger
from orchestrator.model.workflows import Graph, Node, Workflow, WorkflowRun, WorkflowRunStatus
from orchestrator.store import chains, job_runs, triggers, workflows
from orchestrator.store.database import Transaction
from orchestrator.supervisor import sequel, stopping
from orchestrator.supervisor.intake import Origin
from orchestrator.supervisor.invocations import check_same
from orchestrator.supervisor.means import Means
from orchestrator.supervisor.triggered import start_action


def start(
    tx: Transaction,
    name: str,
    properties: Mapping[str, str] | None,
    *,
    invocation: Invocation | None,
    means: Means,
    at_ms: int,
) -> str:
    """Start a run of a workflow by firing all its triggers that wait for nothing; return its id.

    Raises:
        EntityNotFoundError: no such workflow.
        InvalidInputError: nothing in it can start, or the invocation id came before with another request.
        ConcurrentRunsExceededError: the workflow's live runs are at its limit.
    """
    known = _known_run(tx, invocation)
    if known is not None:
        return known
    workflow = workflows.get(tx, name)
    starting = rules.start_triggers(triggers.list_of_workflow(tx, name))
    if not starting:
        raise InvalidInputError(f"Workflow {name} has no trigger that starts it.")
    run = begin(tx, workflow, properties, previous=None, invocation=invocation, means=means, at_ms=at_ms)
    fire_all(tx, starting, run.chain_key, means=means, at_ms=at_ms)
    return run.id


def begin(
    tx: Transaction,
    workflow: Workflow,
    properties: Mapping[str, str] | None,
    *,
    previous: WorkflowRun | None,
    invocation: Invocation | None = None,
    means: Means,
    at_ms: int,
) -> WorkflowRun:
    """Store a run of a workflow in which nothing has started yet.

    Raises:
        ConcurrentRunsExceededError: the workflow's live runs are at its limit.
    """
    most = workflow.definition.max_concurrent_runs
    if most is not None and workflows.count_live(tx, workflow.name) >= most:
        raise ConcurrentRunsExceededError(workflow.name)
    inherited = previous.properties if previous else workflow.definition.default_run_properties
    return workflows.insert_run(
        tx,
        chain_key=chains.create(tx, at_ms=at_ms),
        base_id=means.new_base(),
        workflow_name=workflow.name,
        previous_base_id=previous.base_id if previous else None,
        properties={**(inherited or {}), **(properties or {})},
        triggers=triggers.list_of_workflow(tx, workflow.name),
        invocation=invocation,
        at_ms=at_ms,
    )


def fire_all(tx: Transaction, starting: Sequence[Trigger], chain_key: int, *, means: Means, at_ms: int) -> None:
    """Fire these triggers in a chain that has just begun, and see to what follows from runs that end at once."""
    stillborn: list[JobRun] = []
    for trigger in starting:
        stillborn += sequel.fire(tx, trigger, chain_key, (), means=means, at_ms=at_ms)
    sequel.follow_stillborn(tx, chain_key, stillborn, means=means, at_ms=at_ms)


def stop(tx: Transaction, name: str, run_id: str, *, means: Means, at_ms: int) -> list[JobRunId]:
    """Accept the stop of a workflow run: no trigger fires in it any more, no run is retried, and the live ones stop.

    Returns the runs that are to stop. Stopping it again, or when it has STOPPED,
    changes nothing.

    Raises:
        EntityNotFoundError: no such run of that workflow.
        IllegalWorkflowStateError: it has ended otherwise.
    """
    run = workflows.get_run(tx, name, run_id)
    if run.status is WorkflowRunStatus.STOPPED:
        return []
    if not run.is_live:
        raise IllegalWorkflowStateError(run_id, run.status, "only a run that has not ended can be stopped")
    workflows.set_status(tx, run, WorkflowRunStatus.STOPPING, at_ms=at_ms)
    for failed in job_runs.list_retry_due_of_chain(tx, run.chain_key):
        job_runs.cancel_retry(tx, failed.id.base)
    stopped = [
        stopping.request_stop(tx, live, means=means, at_ms=at_ms)
        for live in job_runs.list_live_of_chain(tx, run.chain_key)
    ]
    sequel.close_workflow_run(tx, run.chain_key, at_ms=at_ms)
    return [one.id for one in stopped]


def resume(
    tx: Transaction,
    name: str,
    run_id: str,
    node_ids: Sequence[str],
    *,
    invocation: Invocation | None,
    means: Means,
    at_ms: int,
) -> tuple[str, list[str]]:
    """Start a new run that repeats these nodes of an ended run and all that is below them, and takes over the rest.

    Returns the new run's id and the ids of the nodes that it starts with: those below another one wait for that.

    Raises:
        EntityNotFoundError: no such workflow, or no such run of it.
        IllegalWorkflowStateError: the run has not ended.
        InvalidInputError: an id that is none of a job's node which has run.
        ConcurrentRunsExceededError: the workflow's live runs are at its limit.
    """
    known = _known_run(tx, invocation)
    before = workflows.get_run(tx, name, run_id)
    graph = rules.graph(before.triggers)
    if known is not None:
        starting = _nodes_to_resume(name, graph, node_ids, {node.name for node in graph.nodes})
        return known, [node.unique_id(name) for node in starting]
    workflow = workflows.get(tx, name)
    if before.is_live:
        raise IllegalWorkflowStateError(run_id, before.status, "only a run that has ended can be resumed")
    runs = [job_runs.get_by_seq(tx, seq) for seq in chains.run_seqs(tx, before.chain_key)]
    nodes = _nodes_to_resume(name, graph, node_ids, {run.job_name for run in runs})
    run = begin(tx, workflow, None, previous=before, invocation=invocation, means=means, at_ms=at_ms)
    repeated = {node.name for node in graph.below(nodes) if node.type == "JOB"}
    for old in runs:
        if old.job_name not in repeated:
            chains.inherit(tx, run.chain_key, old.seq)
    born = []
    for node in nodes:
        of_job = [old for old in runs if old.job_name == node.name]
        first = max(
            (old for old in of_job if old.trigger_name is not None), key=lambda old: old.seq, default=of_job[-1]
        )
        action = _action(before.triggers, first)
        origin = Origin(
            trigger_name=first.trigger_name, chain_key=run.chain_key, predecessors=job_runs.predecessors(tx, first)
        )
        if first.trigger_name is not None and not chains.has_fired(tx, first.trigger_name, run.chain_key):
            chains.record_firing(tx, first.trigger_name, run.chain_key, at_ms=at_ms)  # it is as if it had
        born.append(start_action(tx, action, origin, means=means, at_ms=at_ms))
    stillborn = [child for child in born if child is not None and child.is_terminal]
    sequel.follow_stillborn(tx, run.chain_key, stillborn, means=means, at_ms=at_ms)
    return run.id, [node.unique_id(name) for node in nodes]


def _known_run(tx: Transaction, invocation: Invocation | None) -> str | None:
    """Return the id of the run that the same call has made before."""
    known = None if invocation is None else workflows.find_run_by_invocation(tx, invocation.id_digest)
    if known is None or invocation is None:
        return None
    base, request_digest = known
    check_same(request_digest, invocation)
    return rules.run_id(base)


def _nodes_to_resume(name: str, graph: Graph, node_ids: Sequence[str], have_run: set[str]) -> list[Node]:
    """Return the nodes of these ids, without those below others."""
    by_id = {node.unique_id(name): node for node in graph.nodes}
    if not node_ids:
        raise InvalidInputError("NodeIds cannot be empty.")
    for node_id in node_ids:
        node = by_id.get(node_id)
        if node is None or node.type != "JOB" or node.name not in have_run:
            raise InvalidInputError(f"NodeIds: {node_id} is not the node of a job that has run in this workflow run.")
    wanted = list(dict.fromkeys(by_id[node_id] for node_id in node_ids))
    below = {node: graph.below([node]) - {node} for node in wanted}
    return [
        node
        for place, node in enumerate(wanted)
        # In a cycle each is below the other, and the one that is named first begins.
        if not any(node in below[one] and (one in wanted[:place] or one not in below[node]) for one in wanted)
    ]


def _action(of_run: Sequence[Trigger], run: JobRun) -> Action:
    """Return how the trigger that started a run starts its job."""
    for trigger in of_run:
        for action in trigger.definition.actions:
            if trigger.name == run.trigger_name and action.job_name == run.job_name:
                return action
    return Action(job_name=run.job_name, arguments=run.arguments)  # somebody retried it by hand

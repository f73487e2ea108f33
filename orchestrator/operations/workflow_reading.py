"""What the answers about workflows are made from, read in one transaction."""

from orchestrator.model.workflows import Workflow, WorkflowRun
from orchestrator.operations.context import Context
from orchestrator.operations.workflow_views import Moment, SeenRun, SeenWorkflow
from orchestrator.store import chains, job_runs, triggers, workflows
from orchestrator.store.database import Transaction


def see_run(tx: Transaction, run: WorkflowRun) -> SeenRun:
    """Return a workflow run with its job runs, those included that it has taken over from the run it resumes."""
    found = [job_runs.get_by_seq(tx, seq) for seq in chains.run_seqs(tx, run.chain_key)]
    return SeenRun(run=run, job_runs=[(one, job_runs.predecessors(tx, one)) for one in found])


def see_workflow(tx: Transaction, workflow: Workflow) -> SeenWorkflow:
    """Return a workflow with its triggers and its last run."""
    last = workflows.list_run_page(tx, workflow.name, before_key=None, limit=1)
    return SeenWorkflow(
        workflow=workflow,
        triggers=triggers.list_of_workflow(tx, workflow.name),
        last_run=see_run(tx, last[0]) if last else None,
    )


def moment_of(ctx: Context, *, with_graph: bool) -> Moment:
    """Return the moment at which something is shown; why runs wait is only told in a graph."""
    return Moment(now_ms=ctx.now_ms(), waits=ctx.supervisor.waits() if with_graph else {})

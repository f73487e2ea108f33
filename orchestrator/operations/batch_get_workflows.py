"""BatchGetWorkflows."""

from orchestrator.operations.context import Context
from orchestrator.operations.workflow_reading import moment_of, see_workflow
from orchestrator.operations.workflow_views import SeenWorkflow, workflow_shape
from orchestrator.store import workflows
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import BatchGetWorkflowsRequest, BatchGetWorkflowsResponse


async def batch_get_workflows(ctx: Context, request: BatchGetWorkflowsRequest) -> BatchGetWorkflowsResponse:
    """Return the workflows of these names as GetWorkflow does, and the names that no workflow has.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetWorkflows.html
    """
    names = list(dict.fromkeys(request.names))

    def read(tx: Transaction) -> dict[str, SeenWorkflow]:
        found = [workflow for workflow in (workflows.find(tx, name) for name in names) if workflow is not None]
        return {workflow.name: see_workflow(tx, workflow) for workflow in found}

    with_graph = bool(request.include_graph)
    seen, moment = await ctx.database.read(read), moment_of(ctx, with_graph=with_graph)
    return BatchGetWorkflowsResponse(
        workflows=[workflow_shape(one, moment, with_graph=with_graph) for one in seen.values()],
        missing_workflows=[name for name in names if name not in seen],
    )

"""GetWorkflow."""

from orchestrator.operations.context import Context
from orchestrator.operations.workflow_reading import moment_of, see_workflow
from orchestrator.operations.workflow_views import workflow_shape
from orchestrator.store import workflows
from orchestrator.wire.shapes import GetWorkflowRequest, GetWorkflowResponse


async def get_workflow(ctx: Context, request: GetWorkflowRequest) -> GetWorkflowResponse:
    """Return a workflow with its last run, and with IncludeGraph the graphs of both.

    Raises:
        EntityNotFoundError: there is no such workflow.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetWorkflow.html
    """
    seen = await ctx.database.read(lambda tx: see_workflow(tx, workflows.get(tx, request.name)))
    with_graph = bool(request.include_graph)
    shape = workflow_shape(seen, moment_of(ctx, with_graph=with_graph), with_graph=with_graph)
    return GetWorkflowResponse(workflow=shape)

"""GetWorkflowRun."""

from orchestrator.operations.context import Context
from orchestrator.operations.workflow_reading import moment_of, see_run
from orchestrator.operations.workflow_views import workflow_run_shape
from orchestrator.store import workflows
from orchestrator.wire.shapes import GetWorkflowRunRequest, GetWorkflowRunResponse


async def get_workflow_run(ctx: Context, request: GetWorkflowRunRequest) -> GetWorkflowRunResponse:
    """Return one run of a workflow, also of one that is deleted; with IncludeGraph its graph as it was at the start.

    Raises:
        EntityNotFoundError: no such run of that workflow.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetWorkflowRun.html
    """
    seen = await ctx.database.read(lambda tx: see_run(tx, workflows.get_run(tx, request.name, request.run_id)))
    with_graph = bool(request.include_graph)
    shape = workflow_run_shape(seen, moment_of(ctx, with_graph=with_graph), with_graph=with_graph)
    return GetWorkflowRunResponse(run=shape)

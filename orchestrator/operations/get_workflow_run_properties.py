"""GetWorkflowRunProperties."""

from orchestrator.operations.context import Context
from orchestrator.store import workflows
from orchestrator.wire.shapes import GetWorkflowRunPropertiesRequest, GetWorkflowRunPropertiesResponse


async def get_workflow_run_properties(
    ctx: Context, request: GetWorkflowRunPropertiesRequest
) -> GetWorkflowRunPropertiesResponse:
    """Return the properties of a workflow run as they are now.

    Raises:
        EntityNotFoundError: no such run of that workflow.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetWorkflowRunProperties.html
    """
    run = await ctx.database.read(lambda tx: workflows.get_run(tx, request.name, request.run_id))
    return GetWorkflowRunPropertiesResponse(run_properties=dict(run.properties))

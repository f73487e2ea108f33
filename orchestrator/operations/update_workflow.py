"""UpdateWorkflow."""

from orchestrator.operations.context import Context
from orchestrator.operations.workflow_views import definition_of
from orchestrator.store import workflows
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import UpdateWorkflowRequest, UpdateWorkflowResponse


async def update_workflow(ctx: Context, request: UpdateWorkflowRequest) -> UpdateWorkflowResponse:
    """Give a workflow another definition. It replaces everything; what is left out is not set any more.

    Raises:
        EntityNotFoundError: there is no such workflow.
        InvalidInputError: no run could follow the definition; the sentence names the member.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateWorkflow.html
    """
    definition, at_ms = definition_of(request), ctx.now_ms()

    def update(tx: Transaction) -> None:
        workflows.replace(tx, workflows.get(tx, request.name), definition, at_ms=at_ms)

    await ctx.database.write("update_workflow", update)
    return UpdateWorkflowResponse(name=request.name)

"""CreateWorkflow."""

from orchestrator.model import tags as tag_rules
from orchestrator.model.errors import AlreadyExistsError
from orchestrator.operations.context import Context
from orchestrator.operations.workflow_views import definition_of, is_same
from orchestrator.store import tags, workflows
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import CreateWorkflowRequest, CreateWorkflowResponse


async def create_workflow(ctx: Context, request: CreateWorkflowRequest) -> CreateWorkflowResponse:
    """Make a workflow. The same definition again is accepted again, as a re-sent call must be, and changes nothing.

    Raises:
        InvalidInputError: no run could follow the definition; the sentence names the member.
        AlreadyExistsError: the workflow exists with another definition.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_CreateWorkflow.html
    """
    definition = definition_of(request)
    tag_rules.check_keys(request.tags or {})
    at_ms = ctx.now_ms()

    def create(tx: Transaction) -> None:
        workflow = workflows.find(tx, request.name)
        if workflow is None:
            workflows.create(tx, request.name, definition, at_ms=at_ms)
            tags.put(tx, f"workflow/{request.name}", request.tags or {})
        elif not is_same(workflow.definition, definition):
            raise AlreadyExistsError.workflow(request.name)

    await ctx.database.write("create_workflow", create)
    return CreateWorkflowResponse(name=request.name)

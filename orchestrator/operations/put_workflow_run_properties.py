"""PutWorkflowRunProperties."""

from orchestrator.model import run_properties
from orchestrator.operations.context import Context
from orchestrator.store import workflows
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import PutWorkflowRunPropertiesRequest, PutWorkflowRunPropertiesResponse


async def put_workflow_run_properties(
    ctx: Context, request: PutWorkflowRunPropertiesRequest
) -> PutWorkflowRunPropertiesResponse:
    """Set properties of a workflow run, ended or not; the others stay. The next job to ask sees them.

    Raises:
        EntityNotFoundError: no such run of that workflow.
        InvalidInputError: the run's properties would be too large; nothing is set.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_PutWorkflowRunProperties.html
    """

    def put(tx: Transaction) -> None:
        run = workflows.get_run(tx, request.name, request.run_id)
        merged = {**run.properties, **request.run_properties}
        run_properties.check(merged, "RunProperties")
        workflows.set_properties(tx, run, merged)

    await ctx.database.write("put_workflow_run_properties", put)
    return PutWorkflowRunPropertiesResponse()

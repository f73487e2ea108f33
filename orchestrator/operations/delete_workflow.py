"""DeleteWorkflow."""

import structlog

from orchestrator.operations.context import Context
from orchestrator.store import tags, triggers, workflows
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import DeleteWorkflowRequest, DeleteWorkflowResponse

log = structlog.stdlib.get_logger()


async def delete_workflow(ctx: Context, request: DeleteWorkflowRequest) -> DeleteWorkflowResponse:
    """Delete a workflow with its triggers. Its runs stay, and those under way end as they will.

    Triggers that a file defines stay; they start no workflow any more. A workflow that does not exist is deleted
    already, which is no error.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteWorkflow.html
    """

    def delete(tx: Transaction) -> list[str]:
        workflow = workflows.find(tx, request.name)
        if workflow is None:
            return []
        kept = []
        for trigger in triggers.list_of_workflow(tx, workflow.name):
            if trigger.source is not None:
                kept.append(trigger.name)
                continue
            triggers.delete(tx, trigger)
            tags.clear(tx, f"trigger/{trigger.name}")
        workflows.delete(tx, workflow)
        tags.clear(tx, f"workflow/{workflow.name}")
        return kept

    for name in await ctx.database.write("delete_workflow", delete):
        log.warning("trigger_without_workflow", trigger=name, workflow=request.name, reason="the workflow was deleted")
    ctx.supervisor.rescheduled()
    return DeleteWorkflowResponse(name=request.name)

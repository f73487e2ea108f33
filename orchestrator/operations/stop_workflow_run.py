"""StopWorkflowRun."""

from orchestrator.model.ids import JobRunId
from orchestrator.operations.context import Context
from orchestrator.store.database import Transaction
from orchestrator.supervisor import workflow_runs
from orchestrator.wire.shapes import StopWorkflowRunRequest, StopWorkflowRunResponse


async def stop_workflow_run(ctx: Context, request: StopWorkflowRunRequest) -> StopWorkflowRunResponse:
    """Accept the stop of a workflow run: nothing starts in it any more, and its live job runs stop.

    A run that has STOPPED already stays so, which is no error: the call may be one that was sent again.

    Raises:
        EntityNotFoundError: no such run of that workflow.
        IllegalWorkflowStateError: it is COMPLETED.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_StopWorkflowRun.html
    """
    at_ms = ctx.now_ms()

    def stop(tx: Transaction) -> list[JobRunId]:
        return workflow_runs.stop(tx, request.name, request.run_id, means=ctx.means, at_ms=at_ms)

    stopped = await ctx.database.write("stop_workflow_run", stop)
    ctx.supervisor.stop_requested(stopped)
    ctx.supervisor.changed.ring()
    return StopWorkflowRunResponse()

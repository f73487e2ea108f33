"""StartWorkflowRun."""

from orchestrator.model import run_properties
from orchestrator.operations.context import Context
from orchestrator.operations.invocations import invocation_of
from orchestrator.store.database import Transaction
from orchestrator.supervisor import workflow_runs
from orchestrator.wire.shapes import StartWorkflowRunRequest, StartWorkflowRunResponse


async def start_workflow_run(ctx: Context, request: StartWorkflowRunRequest) -> StartWorkflowRunResponse:
    """Start a run of a workflow. When this returns, it and its first job runs are on disk and will happen, once.

    A call that an SDK re-sends under the same `amz-sdk-invocation-id` gets the answer of the first.

    Raises:
        EntityNotFoundError: no such workflow.
        InvalidInputError: nothing in it can start, or the properties are too large.
        ConcurrentRunsExceededError: the workflow's live runs are at its limit.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_StartWorkflowRun.html
    """
    properties = request.run_properties
    run_properties.check(properties, "RunProperties")
    invocation, at_ms = invocation_of(ctx, request), ctx.now_ms()

    def start(tx: Transaction) -> str:
        return workflow_runs.start(tx, request.name, properties, invocation=invocation, means=ctx.means, at_ms=at_ms)

    run_id = await ctx.database.write("start_workflow_run", start)
    ctx.supervisor.fired()
    return StartWorkflowRunResponse(run_id=run_id)

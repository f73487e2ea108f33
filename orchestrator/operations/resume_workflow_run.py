"""ResumeWorkflowRun."""

from orchestrator.operations.context import Context
from orchestrator.operations.invocations import invocation_of
from orchestrator.store.database import Transaction
from orchestrator.supervisor import workflow_runs
from orchestrator.wire.shapes import ResumeWorkflowRunRequest, ResumeWorkflowRunResponse


async def resume_workflow_run(ctx: Context, request: ResumeWorkflowRunRequest) -> ResumeWorkflowRunResponse:
    """Start a new run that repeats some jobs of an ended run and all below them, and takes over what it had besides.

    A call that an SDK re-sends under the same `amz-sdk-invocation-id` gets the answer of the first.

    Raises:
        EntityNotFoundError: no such workflow, or no such run of it.
        IllegalWorkflowStateError: the run has not ended.
        InvalidInputError: a node that is not one of a job which has run.
        ConcurrentRunsExceededError: the workflow's live runs are at its limit.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_ResumeWorkflowRun.html
    """
    invocation, at_ms = invocation_of(ctx, request), ctx.now_ms()

    def resume(tx: Transaction) -> tuple[str, list[str]]:
        return workflow_runs.resume(
            tx, request.name, request.run_id, request.node_ids, invocation=invocation, means=ctx.means, at_ms=at_ms
        )

    run_id, node_ids = await ctx.database.write("resume_workflow_run", resume)
    ctx.supervisor.fired()
    return ResumeWorkflowRunResponse(run_id=run_id, node_ids=node_ids)

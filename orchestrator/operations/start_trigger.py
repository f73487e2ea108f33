"""StartTrigger."""

from orchestrator.operations.context import Context
from orchestrator.operations.invocations import invocation_of
from orchestrator.store.database import Transaction
from orchestrator.supervisor import firing
from orchestrator.wire.shapes import StartTriggerRequest, StartTriggerResponse


async def start_trigger(ctx: Context, request: StartTriggerRequest) -> StartTriggerResponse:
    """Fire an ON_DEMAND trigger, or activate one of another type. When this returns, the runs it makes are on disk.

    A call that an SDK re-sends under the same `amz-sdk-invocation-id` does not fire it again.

    Raises:
        EntityNotFoundError: no such trigger.
        InvalidInputError: an EVENT trigger, which nothing here starts.
        ConcurrentRunsExceededError: the trigger begins a workflow whose live runs are at its limit.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_StartTrigger.html
    """
    invocation, at_ms = invocation_of(ctx, request), ctx.now_ms()

    def start(tx: Transaction) -> None:
        firing.start_trigger(tx, request.name, invocation=invocation, means=ctx.means, at_ms=at_ms)

    await ctx.database.write("start_trigger", start)
    ctx.supervisor.fired()
    ctx.supervisor.rescheduled()
    return StartTriggerResponse(name=request.name)

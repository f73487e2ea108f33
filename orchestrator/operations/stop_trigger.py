"""StopTrigger."""

from orchestrator.operations.context import Context
from orchestrator.store.database import Transaction
from orchestrator.supervisor import firing
from orchestrator.wire.shapes import StopTriggerRequest, StopTriggerResponse


async def stop_trigger(ctx: Context, request: StopTriggerRequest) -> StopTriggerResponse:
    """Deactivate a trigger. What it has started goes on.

    Raises:
        EntityNotFoundError: no such trigger.
        InvalidInputError: it was never activated.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_StopTrigger.html
    """
    at_ms = ctx.now_ms()

    def stop(tx: Transaction) -> None:
        firing.stop_trigger(tx, request.name, at_ms=at_ms)

    await ctx.database.write("stop_trigger", stop)
    ctx.supervisor.rescheduled()
    return StopTriggerResponse(name=request.name)

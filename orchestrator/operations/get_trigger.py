"""GetTrigger."""

from orchestrator.operations.context import Context
from orchestrator.operations.trigger_views import trigger_shape
from orchestrator.store import triggers
from orchestrator.wire.shapes import GetTriggerRequest, GetTriggerResponse


async def get_trigger(ctx: Context, request: GetTriggerRequest) -> GetTriggerResponse:
    """Return a trigger's definition and state.

    Raises:
        EntityNotFoundError: there is no such trigger.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetTrigger.html
    """
    trigger = await ctx.database.read(lambda tx: triggers.get(tx, request.name))
    return GetTriggerResponse(trigger=trigger_shape(trigger))

"""DeleteTrigger."""

from orchestrator.model.errors import TriggerDefinedByFileError
from orchestrator.operations.context import Context
from orchestrator.store import tags, triggers
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import DeleteTriggerRequest, DeleteTriggerResponse


async def delete_trigger(ctx: Context, request: DeleteTriggerRequest) -> DeleteTriggerResponse:
    """Delete a trigger and its tags. The runs that it has started stay, and live ones end as they will.

    A trigger that does not exist is deleted already, which is no error.

    Raises:
        InvalidInputError: a file defines the trigger.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteTrigger.html
    """

    def delete(tx: Transaction) -> None:
        trigger = triggers.find(tx, request.name)
        if trigger is None:
            return
        if trigger.source is not None:
            raise TriggerDefinedByFileError(trigger.name, trigger.source)
        triggers.delete(tx, trigger)
        tags.clear(tx, f"trigger/{trigger.name}")

    await ctx.database.write("delete_trigger", delete)
    ctx.supervisor.rescheduled()
    return DeleteTriggerResponse(name=request.name)

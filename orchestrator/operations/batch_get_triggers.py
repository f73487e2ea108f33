"""BatchGetTriggers."""

from orchestrator.model.triggers import Trigger
from orchestrator.operations.context import Context
from orchestrator.operations.trigger_views import trigger_shape
from orchestrator.store import triggers
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import BatchGetTriggersRequest, BatchGetTriggersResponse


async def batch_get_triggers(ctx: Context, request: BatchGetTriggersRequest) -> BatchGetTriggersResponse:
    """Return the triggers of these names, and the names that no trigger has.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetTriggers.html
    """
    names = list(dict.fromkeys(request.trigger_names))

    def read(tx: Transaction) -> dict[str, Trigger | None]:
        return {name: triggers.find(tx, name) for name in names}

    found = await ctx.database.read(read)
    return BatchGetTriggersResponse(
        triggers=[trigger_shape(trigger) for trigger in found.values() if trigger is not None],
        triggers_not_found=[name for name, trigger in found.items() if trigger is None],
    )

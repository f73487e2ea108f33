"""UpdateTrigger."""

from orchestrator.model import triggers as rules
from orchestrator.model.errors import InvalidInputError, TriggerDefinedByFileError
from orchestrator.model.triggers import Trigger
from orchestrator.operations.context import Context
from orchestrator.operations.trigger_rules import check_references, warn_if_frequent
from orchestrator.operations.trigger_views import trigger_shape, updated
from orchestrator.store import triggers
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import UpdateTriggerRequest, UpdateTriggerResponse


async def update_trigger(ctx: Context, request: UpdateTriggerRequest) -> UpdateTriggerResponse:
    """Give a trigger another definition. It replaces everything but name, type, workflow and state.

    Workflow runs under way keep the trigger as it was when they began.

    Raises:
        EntityNotFoundError: no such trigger, or a job or crawler that the definition names does not exist.
        InvalidInputError: the definition could not work, or a file defines the trigger.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateTrigger.html
    """
    update, at_ms = request.trigger_update, ctx.now_ms()
    if update.name not in {None, request.name}:
        raise InvalidInputError(f"TriggerUpdate.Name is '{update.name}'; a trigger cannot be renamed.")

    def replace(tx: Transaction) -> Trigger:
        trigger = triggers.get(tx, request.name)
        if trigger.source is not None:
            raise TriggerDefinedByFileError(trigger.name, trigger.source)
        definition = updated(trigger.definition, update)
        rules.check(definition, is_strict=ctx.means.policy.strict_schedules)
        check_references(tx, definition)
        return triggers.replace(tx, trigger, definition, source=None, at_ms=at_ms)

    trigger = await ctx.database.write("update_trigger", replace)
    warn_if_frequent(trigger.name, trigger.definition)
    ctx.supervisor.rescheduled()
    return UpdateTriggerResponse(trigger=trigger_shape(trigger))

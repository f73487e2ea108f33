"""CreateTrigger."""

from orchestrator.model import tags as tag_rules
from orchestrator.model import triggers as rules
from orchestrator.model.errors import IdempotentParameterMismatchError, InvalidInputError
from orchestrator.model.triggers import TriggerType
from orchestrator.operations.context import Context
from orchestrator.operations.trigger_rules import check_references, first_state, warn_if_frequent
from orchestrator.operations.trigger_views import definition_of, is_same
from orchestrator.store import tags, triggers
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import CreateTriggerRequest, CreateTriggerResponse


async def create_trigger(ctx: Context, request: CreateTriggerRequest) -> CreateTriggerResponse:
    """Make a trigger, ACTIVATED if StartOnCreation asks for it.

    The same definition again is accepted again, as a re-sent call must be, and changes nothing: neither state nor tags.

    Raises:
        InvalidInputError: the definition could not work; the sentence names the member.
        EntityNotFoundError: a job, workflow or crawler that it names does not exist.
        IdempotentParameterMismatchError: the trigger exists with another definition.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_CreateTrigger.html
    """
    definition = definition_of(request)
    rules.check(definition, is_strict=ctx.means.policy.strict_schedules)
    if request.start_on_creation and definition.type is TriggerType.ON_DEMAND:
        raise InvalidInputError("StartOnCreation is not supported for a trigger of type ON_DEMAND.")
    tag_rules.check_keys(request.tags or {})
    at_ms = ctx.now_ms()

    def create(tx: Transaction) -> bool:
        trigger = triggers.find(tx, request.name)
        if trigger is not None:
            if not is_same(trigger.definition, definition):
                raise IdempotentParameterMismatchError.trigger(request.name)
            return False
        check_references(tx, definition)
        state = first_state(definition, starts=bool(request.start_on_creation))
        triggers.create(tx, request.name, definition, state=state, source=None, at_ms=at_ms)
        tags.put(tx, f"trigger/{request.name}", request.tags or {})
        return True

    is_new = await ctx.database.write("create_trigger", create)
    if is_new:
        warn_if_frequent(request.name, definition)
    ctx.supervisor.rescheduled()
    return CreateTriggerResponse(name=request.name)

"""GetTriggers."""

from typing import Final

from orchestrator.operations.context import Context
from orchestrator.operations.trigger_views import trigger_shape
from orchestrator.store import triggers
from orchestrator.wire.paging import decode_token, encode_token
from orchestrator.wire.shapes import GetTriggersRequest, GetTriggersResponse

PAGE_SIZE: Final = 200
_LISTING: Final = "triggers"


async def get_triggers(ctx: Context, request: GetTriggersRequest) -> GetTriggersResponse:
    """Return all triggers, or those that can start DependentJobName, in order of their names, a page at a time.

    Where none can start the job, none is returned; Glue returns all.

    Raises:
        InvalidInputError: NextToken is not one of this listing.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetTriggers.html
    """
    job = request.dependent_job_name
    after = decode_token(request.next_token, _LISTING, str, job or "") or ""
    limit = request.max_results or PAGE_SIZE
    found = await ctx.database.read(lambda tx: triggers.list_page(tx, after=after, limit=limit + 1, starts_job=job))
    page = found[:limit]
    return GetTriggersResponse(
        triggers=[trigger_shape(trigger) for trigger in page],
        next_token=encode_token(_LISTING, page[-1].name, job or "") if len(found) > limit else None,
    )

"""ListTriggers."""

from typing import Final

from orchestrator.operations.context import Context
from orchestrator.store import tags, triggers
from orchestrator.store.database import Transaction
from orchestrator.wire.paging import decode_token, encode_token
from orchestrator.wire.shapes import ListTriggersRequest, ListTriggersResponse

PAGE_SIZE: Final = 200
_LISTING: Final = "trigger-names"


async def list_triggers(ctx: Context, request: ListTriggersRequest) -> ListTriggersResponse:
    """Return the names of all triggers, or of those that can start a job or have all the tags, a page at a time.

    Raises:
        InvalidInputError: NextToken is not one of this listing.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_ListTriggers.html
    """
    job = request.dependent_job_name
    after = decode_token(request.next_token, _LISTING, str, job or "") or ""
    limit = request.max_results or PAGE_SIZE
    wanted = (request.tags or {}).items()

    def read(tx: Transaction) -> list[str]:
        names: list[str] = []
        last = after
        while len(names) <= limit:
            page = triggers.list_page(tx, after=last, limit=limit + 1, starts_job=job)
            names += [one.name for one in page if not wanted or wanted <= tags.get(tx, f"trigger/{one.name}").items()]
            if len(page) <= limit:
                break
            last = page[-1].name
        return names

    names = await ctx.database.read(read)
    return ListTriggersResponse(
        trigger_names=names[:limit],
        next_token=encode_token(_LISTING, names[limit - 1], job or "") if len(names) > limit else None,
    )

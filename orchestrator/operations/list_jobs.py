"""ListJobs."""

from typing import Final

from orchestrator.operations.context import Context
from orchestrator.store import jobs, tags
from orchestrator.store.database import Transaction
from orchestrator.wire.paging import decode_token, encode_token
from orchestrator.wire.shapes import ListJobsRequest, ListJobsResponse

PAGE_SIZE: Final = 200
_LISTING: Final = "job-names"


async def list_jobs(ctx: Context, request: ListJobsRequest) -> ListJobsResponse:
    """Return the names of all jobs, or of those that have all the tags asked for, a page at a time.

    Raises:
        InvalidInputError: NextToken is not one of this listing.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_ListJobs.html
    """
    after = decode_token(request.next_token, _LISTING, str) or ""
    limit = request.max_results or PAGE_SIZE
    wanted = (request.tags or {}).items()

    def read(tx: Transaction) -> list[str]:
        names: list[str] = []
        last = after
        while len(names) <= limit:
            page = jobs.list_page(tx, after=last, limit=limit + 1)
            names += [job.name for job in page if not wanted or wanted <= tags.get(tx, f"job/{job.name}").items()]
            if len(page) <= limit:
                break
            last = page[-1].name
        return names

    names = await ctx.database.read(read)
    return ListJobsResponse(
        job_names=names[:limit], next_token=encode_token(_LISTING, names[limit - 1]) if len(names) > limit else None
    )

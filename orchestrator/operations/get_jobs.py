"""GetJobs."""

from typing import Final

from orchestrator.operations.context import Context
from orchestrator.operations.views import job_shape
from orchestrator.store import jobs
from orchestrator.wire.paging import decode_token, encode_token
from orchestrator.wire.shapes import GetJobsRequest, GetJobsResponse

PAGE_SIZE: Final = 200
_LISTING: Final = "jobs"


async def get_jobs(ctx: Context, request: GetJobsRequest) -> GetJobsResponse:
    """Return all jobs in order of their names, a page at a time.

    Raises:
        InvalidInputError: NextToken is not one of this listing.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetJobs.html
    """
    after = decode_token(request.next_token, _LISTING, str) or ""
    limit = request.max_results or PAGE_SIZE
    found = await ctx.database.read(lambda tx: jobs.list_page(tx, after=after, limit=limit + 1))
    page = found[:limit]
    return GetJobsResponse(
        jobs=[job_shape(job) for job in page],
        next_token=encode_token(_LISTING, page[-1].name) if len(found) > limit else None,
    )

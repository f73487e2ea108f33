"""GetJobRuns."""

from collections.abc import Sequence
from typing import Final

from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.records import JobRun, Predecessor
from orchestrator.operations.context import Context
from orchestrator.operations.views import job_run_shape
from orchestrator.store import job_runs, jobs
from orchestrator.store.database import Transaction
from orchestrator.wire.paging import decode_token, encode_token
from orchestrator.wire.shapes import GetJobRunsRequest, GetJobRunsResponse

PAGE_SIZE: Final = 200
_LISTING: Final = "job-runs"


async def get_job_runs(ctx: Context, request: GetJobRunsRequest) -> GetJobRunsResponse:
    """Return a job's runs, newest first, a page at a time. Runs that start between two pages shift none.

    Raises:
        EntityNotFoundError: there never was such a job.
        InvalidInputError: NextToken is not one of this listing.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetJobRuns.html
    """
    before_seq = decode_token(request.next_token, _LISTING, int, request.job_name)
    limit = request.max_results or PAGE_SIZE

    def read(tx: Transaction) -> tuple[list[tuple[JobRun, Sequence[Predecessor]]], bool]:
        key = jobs.find_key(tx, request.job_name)
        if key is None:
            raise EntityNotFoundError.job(request.job_name)
        runs = job_runs.list_page_of_job(tx, key, before_seq=before_seq, limit=limit + 1)
        return [(run, job_runs.predecessors(tx, run)) for run in runs[:limit]], len(runs) > limit

    page, has_more = await ctx.database.read(read)
    now_ms = ctx.now_ms()
    waits = ctx.supervisor.waits([run.id for run, _ in page if not run.is_terminal])
    return GetJobRunsResponse(
        job_runs=[job_run_shape(run, now_ms=now_ms, waits=waits, predecessors=before) for run, before in page],
        next_token=encode_token(_LISTING, page[-1][0].seq, request.job_name) if has_more else None,
    )

"""BatchGetJobs."""

from orchestrator.model.records import Job
from orchestrator.operations.context import Context
from orchestrator.operations.views import job_shape
from orchestrator.store import jobs
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import BatchGetJobsRequest, BatchGetJobsResponse


async def batch_get_jobs(ctx: Context, request: BatchGetJobsRequest) -> BatchGetJobsResponse:
    """Return the jobs of these names, and the names that no job has.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_BatchGetJobs.html
    """
    names = list(dict.fromkeys(request.job_names))

    def read(tx: Transaction) -> dict[str, Job | None]:
        return {name: jobs.find(tx, name) for name in names}

    found = await ctx.database.read(read)
    return BatchGetJobsResponse(
        jobs=[job_shape(job) for job in found.values() if job is not None],
        jobs_not_found=[name for name, job in found.items() if job is None],
    )

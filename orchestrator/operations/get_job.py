"""GetJob."""

from orchestrator.operations.context import Context
from orchestrator.operations.views import job_shape
from orchestrator.store import jobs
from orchestrator.wire.shapes import GetJobRequest, GetJobResponse


async def get_job(ctx: Context, request: GetJobRequest) -> GetJobResponse:
    """Return a job's definition.

    Raises:
        EntityNotFoundError: there is no such job.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetJob.html
    """
    job = await ctx.database.read(lambda tx: jobs.get(tx, request.job_name), is_short=True)
    return GetJobResponse(job=job_shape(job))

"""DeleteJob."""

from orchestrator.model.errors import JobDefinedByFileError
from orchestrator.operations.context import Context
from orchestrator.store import bookmarks, jobs
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import DeleteJobRequest, DeleteJobResponse


async def delete_job(ctx: Context, request: DeleteJobRequest) -> DeleteJobResponse:
    """Delete a job and its bookmark. Its history stays readable, and its live runs end as they will.

    A job that does not exist is deleted already, which is no error.

    Raises:
        InvalidInputError: a file defines the job.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteJob.html
    """
    at_ms = ctx.now_ms()

    def delete(tx: Transaction) -> None:
        job = jobs.find(tx, request.job_name)
        if job is None:
            return
        if job.source is not None:
            raise JobDefinedByFileError(job.name, job.source)
        jobs.delete(tx, job, at_ms=at_ms)
        bookmarks.delete(tx, job.job_key)

    await ctx.database.write("delete_job", delete)
    return DeleteJobResponse(job_name=request.job_name)

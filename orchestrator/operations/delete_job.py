"""DeleteJob."""

import structlog

from orchestrator.model.errors import JobDefinedByFileError
from orchestrator.operations.context import Context
from orchestrator.store import bookmarks, jobs, tags, triggers
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import DeleteJobRequest, DeleteJobResponse

log = structlog.stdlib.get_logger()


async def delete_job(ctx: Context, request: DeleteJobRequest) -> DeleteJobResponse:
    """Delete a job, its bookmark and its tags. Its history stays readable, and its live runs end as they will.

    Triggers that name it stay, and are logged: the runs that they would start end in state ERROR. A job that does not
    exist is deleted already, which is no error.

    Raises:
        InvalidInputError: a file defines the job.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_DeleteJob.html
    """
    at_ms = ctx.now_ms()

    def delete(tx: Transaction) -> list[str]:
        job = jobs.find(tx, request.job_name)
        if job is None:
            return []
        if job.source is not None:
            raise JobDefinedByFileError(job.name, job.source)
        jobs.delete(tx, job, at_ms=at_ms)
        bookmarks.delete(tx, job.job_key)
        tags.clear(tx, f"job/{job.name}")
        return [trigger.name for trigger in triggers.list_naming(tx, job.name)]

    for name in await ctx.database.write("delete_job", delete):
        log.warning("trigger_names_deleted_job", trigger=name, job=request.job_name)
    return DeleteJobResponse(job_name=request.job_name)

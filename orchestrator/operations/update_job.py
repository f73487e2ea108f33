"""UpdateJob."""

from orchestrator.model.errors import JobDefinedByFileError
from orchestrator.operations.context import Context
from orchestrator.operations.views import definition_of
from orchestrator.store import jobs
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import UpdateJobRequest, UpdateJobResponse


async def update_job(ctx: Context, request: UpdateJobRequest) -> UpdateJobResponse:
    """Give a job another definition. It replaces everything but Role and Command where these are left out.

    Runs accepted before keep the definition that they were accepted with.

    Raises:
        EntityNotFoundError: there is no such job.
        InvalidInputError: no run could follow the definition, or a file defines the job.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_UpdateJob.html
    """
    at_ms = ctx.now_ms()

    def update(tx: Transaction) -> None:
        job = jobs.get(tx, request.job_name)
        if job.source is not None:
            raise JobDefinedByFileError(job.name, job.source)
        definition = definition_of(request.job_update, before=job.definition)
        jobs.replace(tx, job, definition, source=None, at_ms=at_ms)

    await ctx.database.write("update_job", update)
    return UpdateJobResponse(job_name=request.job_name)

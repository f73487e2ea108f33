"""CreateJob."""

from orchestrator.model import definitions
from orchestrator.model import tags as tag_rules
from orchestrator.model.errors import IdempotentParameterMismatchError
from orchestrator.operations.context import Context
from orchestrator.operations.views import definition_of
from orchestrator.store import jobs, tags
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import CreateJobRequest, CreateJobResponse


async def create_job(ctx: Context, request: CreateJobRequest) -> CreateJobResponse:
    """Make a job. The same definition again is accepted again, as a re-sent call must be, and changes nothing.

    Raises:
        InvalidInputError: no run could follow the definition; the sentence names the member.
        IdempotentParameterMismatchError: the job exists with another definition.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_CreateJob.html
    """
    definition = definition_of(request)
    tag_rules.check_keys(request.tags or {})
    at_ms = ctx.now_ms()

    def create(tx: Transaction) -> None:
        job = jobs.find(tx, request.name)
        if job is None:
            jobs.create(tx, request.name, definition, source=None, at_ms=at_ms)
            tags.put(tx, f"job/{request.name}", request.tags or {})
        elif not definitions.is_same(job.definition, definition):
            raise IdempotentParameterMismatchError.job()

    await ctx.database.write("create_job", create)
    return CreateJobResponse(name=request.name)

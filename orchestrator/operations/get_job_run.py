"""GetJobRun."""

from collections.abc import Sequence

from orchestrator.model.records import JobRun, Predecessor
from orchestrator.operations.context import Context
from orchestrator.operations.views import job_run_shape
from orchestrator.store import job_runs
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import GetJobRunRequest, GetJobRunResponse


async def get_job_run(ctx: Context, request: GetJobRunRequest) -> GetJobRunResponse:
    """Return one run of a job, also of one that is deleted; its predecessors when they are asked for.

    Raises:
        EntityNotFoundError: no such run of that job.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetJobRun.html
    """

    def read(tx: Transaction) -> tuple[JobRun, Sequence[Predecessor]]:
        run = job_runs.get_of_job(tx, request.job_name, request.run_id)
        return run, job_runs.predecessors(tx, run) if request.predecessors_included else ()

    run, predecessors = await ctx.database.read(read, is_short=True)
    waits = {} if run.is_terminal else ctx.supervisor.waits([run.id])
    shape = job_run_shape(run, now_ms=ctx.now_ms(), waits=waits, predecessors=predecessors)
    return GetJobRunResponse(job_run=shape)

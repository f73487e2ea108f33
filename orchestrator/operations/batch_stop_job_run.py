"""BatchStopJobRun."""

from orchestrator.model.errors import EntityNotFoundError, JobRunInTerminalStateError, RequestError
from orchestrator.model.ids import JobRunId
from orchestrator.operations.context import Context
from orchestrator.store import job_runs
from orchestrator.store.database import Transaction
from orchestrator.supervisor import stopping
from orchestrator.supervisor.means import Means
from orchestrator.wire.errors import name_of
from orchestrator.wire.shapes import (
    BatchStopJobRunError,
    BatchStopJobRunRequest,
    BatchStopJobRunResponse,
    BatchStopJobRunSuccessfulSubmission,
    ErrorDetail,
)


async def batch_stop_job_run(ctx: Context, request: BatchStopJobRunRequest) -> BatchStopJobRunResponse:
    """Accept the stop of 1 to 25 runs of a job. A success means "accepted": the run goes STOPPING, then STOPPED.

    Each distinct id is answered once, in the request's order; an id's trouble is that id's alone. Stopping a run twice
    succeeds twice. Stopping a failed run whose automatic retry is still to come takes the retry back.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_BatchStopJobRun.html
    """
    run_ids = list(dict.fromkeys(request.job_run_ids))
    at_ms = ctx.now_ms()

    def stop(tx: Transaction) -> dict[str, JobRunId | RequestError]:
        return {run_id: _stop_one(tx, request.job_name, run_id, ctx.means, at_ms) for run_id in run_ids}

    outcomes = await ctx.database.write("request_stop", stop)
    ctx.supervisor.stop_requested([outcome for outcome in outcomes.values() if isinstance(outcome, JobRunId)])
    ctx.supervisor.changed.ring()
    return BatchStopJobRunResponse(
        successful_submissions=[
            BatchStopJobRunSuccessfulSubmission(job_name=request.job_name, job_run_id=run_id)
            for run_id, outcome in outcomes.items()
            if isinstance(outcome, JobRunId)
        ],
        errors=[
            BatchStopJobRunError(
                job_name=request.job_name,
                job_run_id=run_id,
                error_detail=ErrorDetail(error_code=name_of(outcome), error_message=str(outcome)),
            )
            for run_id, outcome in outcomes.items()
            if isinstance(outcome, RequestError)
        ],
    )


def _stop_one(tx: Transaction, job_name: str, run_id: str, means: Means, at_ms: int) -> JobRunId | RequestError:
    try:
        run = job_runs.get_of_job(tx, job_name, run_id)
        return stopping.request_stop(tx, run, means=means, at_ms=at_ms).id
    except (EntityNotFoundError, JobRunInTerminalStateError) as error:
        return error

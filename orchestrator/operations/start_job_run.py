"""StartJobRun."""

from orchestrator.operations.context import Context
from orchestrator.operations.invocations import invocation_of
from orchestrator.operations.views import capacity_request
from orchestrator.store.database import Transaction
from orchestrator.supervisor.intake import Acceptance, RunRequest, accept_run
from orchestrator.wire.shapes import StartJobRunRequest, StartJobRunResponse


async def start_job_run(ctx: Context, request: StartJobRunRequest) -> StartJobRunResponse:
    """Accept one run of a job. When this returns, the run is on disk and will happen, once.

    A call that an SDK re-sends under the same `amz-sdk-invocation-id` gets the answer of the first. JobRunId names a
    run to retry; its arguments serve where the request has none.

    Raises:
        EntityNotFoundError: no such job, or no such run to retry.
        InvalidInputError: a rule is broken; the sentence names the member.
        ResourceNumberLimitExceededError: more DPU than this orchestrator lends, or too many runs wait already.
        ConcurrentRunsExceededError: the job's live runs are at its limit, and queuing is off.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_StartJobRun.html
    """
    notification = request.notification_property
    asked = RunRequest(
        job_name=request.job_name,
        retry_of=request.job_run_id,
        arguments=request.arguments,
        capacity=capacity_request(request),
        timeout_min=request.timeout,
        queuing_enabled=request.job_run_queuing_enabled,
        notify_delay_after_min=notification.notify_delay_after if notification else None,
        execution_class=request.execution_class,
        security_configuration=request.security_configuration,
        session_policy=request.execution_role_session_policy,
        invocation=invocation_of(ctx, request),
    )
    at_ms = ctx.now_ms()

    def accept(tx: Transaction) -> Acceptance:
        return accept_run(tx, asked, means=ctx.means, at_ms=at_ms, full_queue=ctx.supervisor.full_queue())

    is_short = request.job_run_id is None  # a retry may reopen a workflow run
    accepted = await ctx.database.write("accept_job_run", accept, is_short=is_short)  # on disk when this returns
    ctx.supervisor.accepted(accepted.run, accepted.concurrency_limit)  # after the commit: what it starts must be stored
    return StartJobRunResponse(job_run_id=str(accepted.run_id))

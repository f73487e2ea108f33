"""StartJobRun."""

import hashlib
from typing import Final

from orchestrator.model.ids import JobRunId
from orchestrator.model.records import Invocation
from orchestrator.operations.context import Context
from orchestrator.operations.views import capacity_request
from orchestrator.store.database import Transaction
from orchestrator.supervisor.intake import RunRequest, accept_run
from orchestrator.wire.shapes import StartJobRunRequest, StartJobRunResponse

_DIGEST_BYTES: Final = 16


async def start_job_run(ctx: Context, request: StartJobRunRequest) -> StartJobRunResponse:
    """Accept one run of a job. When this returns, the run is on disk and will happen, once.

    A call that an SDK re-sends under the same `amz-sdk-invocation-id` gets the answer of the first. JobRunId names a
    run to retry; its arguments serve where the request has none.

    Raises:
        EntityNotFoundError: no such job, or no such run to retry.
        InvalidInputError: a rule is broken; the sentence names the member.
        ResourceNumberLimitExceededError: more DPU than this orchestrator lends.
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
        invocation=_invocation(ctx.invocation_id, request),
    )
    new_base, at_ms, cap_dpu = ctx.new_base(), ctx.now_ms(), ctx.supervisor.limits.dpus

    def accept(tx: Transaction) -> JobRunId:
        return accept_run(tx, asked, new_base=new_base, at_ms=at_ms, cap_dpu=cap_dpu)

    run_id = await ctx.database.write("accept_job_run", accept)  # on disk when this returns
    ctx.supervisor.accepted()  # after the commit: the dispatcher must find the row
    return StartJobRunResponse(job_run_id=str(run_id))


def _invocation(invocation_id: str | None, request: StartJobRunRequest) -> Invocation | None:
    if not invocation_id:
        return None
    return Invocation(
        id_digest=hashlib.sha256(invocation_id.encode()).digest()[:_DIGEST_BYTES],
        request_digest=hashlib.sha256(request.model_dump_json().encode()).digest()[:_DIGEST_BYTES],
    )

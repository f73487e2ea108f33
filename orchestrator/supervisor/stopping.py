"""Accepting the stop of a run, in the caller's transaction."""

from orchestrator.model.errors import JobRunInTerminalStateError
from orchestrator.model.records import JobRun
from orchestrator.model.states import RunEvent
from orchestrator.store import job_runs
from orchestrator.store.database import Transaction
from orchestrator.supervisor import sequel
from orchestrator.supervisor.means import Means

_MESSAGE = "Job run stopped by request before it started"  # kept only if the stop is the run's end


def request_stop(tx: Transaction, run: JobRun, *, means: Means, at_ms: int) -> JobRun:
    """Accept the stop of `run` and return it as it is then: STOPPING, or STOPPED if it was never launched.

    The stop of a failed run whose retry is still to come takes the retry back.

    Raises:
        JobRunInTerminalStateError: it has ended for good.
    """
    if run.retry_due_ms is not None:
        job_runs.cancel_retry(tx, run.id.base)
        return sequel.follow(tx, run, means=means, at_ms=at_ms, may_retry=False)
    if run.is_terminal:
        raise JobRunInTerminalStateError(str(run.id), run.state)
    stopped = job_runs.move(tx, run.id, RunEvent.STOP_REQUESTED, at_ms=at_ms, error_message=_MESSAGE)
    return sequel.follow(tx, stopped, means=means, at_ms=at_ms) if stopped.is_terminal else stopped

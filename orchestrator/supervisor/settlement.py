"""The last transaction of a run: its end, its bookmark, its history, and what follows from it, all or nothing.

It may be asked for twice (a daemon that died after the commit): a run that has ended stays as it ended.
"""

import structlog

from orchestrator.model import bookmarks as rules
from orchestrator.model import endings
from orchestrator.model.endings import Ending, Verdict
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import JobRun, RunFigures
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.store import bookmarks, job_runs, jobs
from orchestrator.store.database import Transaction
from orchestrator.supervisor import sequel
from orchestrator.supervisor.means import Means

log = structlog.stdlib.get_logger()


def settle_ended(
    tx: Transaction, run_id: JobRunId, ending: Ending, *, launched_at_ms: int | None = None, means: Means, at_ms: int
) -> JobRun:
    """Record that the script of `run_id` ended so; move the bookmark exactly if the run SUCCEEDED.

    `launched_at_ms` is when it was seen alive first, if that was not recorded yet.
    """
    run = _launched(tx, run_id, launched_at_ms, at_ms)
    if run.is_terminal:
        return run
    is_stopping = run.state is JobRunState.STOPPING
    verdict = endings.judge(ending, stop_requested=is_stopping, timeout_min=run.timeout_min)
    if verdict.event is RunEvent.SUCCEEDED and not is_stopping:
        verdict = _move_bookmark(tx, run, ending, at_ms) or verdict
    ended = job_runs.move(
        tx, run, verdict.event, at_ms=at_ms, error_message=verdict.error_message, figures=ending.figures
    )
    return sequel.follow(tx, ended, means=means, at_ms=at_ms)


def settle_lost(
    tx: Transaction, run_id: JobRunId, reason: str, *, launched_at_ms: int | None = None, means: Means, at_ms: int
) -> JobRun:
    """Record that nobody can know how the script of `run_id` ended; `launched_at_ms` as for `settle_ended`."""
    run = _launched(tx, run_id, launched_at_ms, at_ms)
    if run.is_terminal:
        return run
    message = f"How the script ended is unknown: {reason}"
    if run.state is JobRunState.STOPPING:
        message = f"Job run stopped by request; {message}"
    lost = job_runs.move(tx, run, RunEvent.LOST, at_ms=at_ms, error_message=message)
    return sequel.follow(tx, lost, means=means, at_ms=at_ms)


def settle_never_started(tx: Transaction, run_id: JobRunId, problem: str, *, means: Means, at_ms: int) -> JobRun:
    """Record that `run_id` never started and never will, because its claim is revoked."""
    run = job_runs.get_by_id(tx, run_id)
    if run.is_terminal:
        return run
    if run.state is JobRunState.STOPPING:
        message = "Job run stopped by request before it started"
        ended = job_runs.move(tx, run, RunEvent.FORBIDDEN, at_ms=at_ms, error_message=message)
    else:
        no_time = RunFigures(wall_ms=0)
        ended = job_runs.move(tx, run, RunEvent.LAUNCH_FAILED, at_ms=at_ms, error_message=problem, figures=no_time)
    return sequel.follow(tx, ended, means=means, at_ms=at_ms)


def _launched(tx: Transaction, run_id: JobRunId, launched_at_ms: int | None, at_ms: int) -> JobRun:
    """Record the launch, where the run ended before that was done."""
    run = job_runs.get_by_id(tx, run_id)
    if run.state is JobRunState.WAITING:
        run = job_runs.move(tx, run, RunEvent.ADMITTED, at_ms=at_ms)
    if run.state is JobRunState.STARTING:
        run = job_runs.move(tx, run, RunEvent.LAUNCHED, at_ms=at_ms if launched_at_ms is None else launched_at_ms)
    return run


def _move_bookmark(tx: Transaction, run: JobRun, ending: Ending, at_ms: int) -> Verdict | None:
    """Take over what the script committed. Returns a failure where somebody else moved the bookmark in between."""
    reported = ending.bookmark
    if reported is None or reported.text is None:
        return None
    if not jobs.is_current(tx, run.version_key):
        log.warning("bookmark_discarded", job=run.job_name, run=str(run.id), reason="the job was deleted")
        return None
    current = bookmarks.find(tx, run.job_key)
    found = rules.version_of(current)
    if found != reported.base_version:
        message = endings.version_mismatch(reported.base_version, found)
        return Verdict(event=RunEvent.FAILED, error_message=message)
    entry = rules.committed(
        current, job_key=run.job_key, bookmark=reported.text, run_id=str(run.id), attempt=run.id.attempt
    )
    bookmarks.append(tx, entry, cause="commit", run_seq=run.seq, at_ms=at_ms)
    return None

"""The newest runs in a state. Live runs and those that did not end well have indexes: they are few among many."""

from typing import Final

from orchestrator.model.records import JobRun
from orchestrator.model.states import TERMINAL, JobRunState
from orchestrator.store import job_runs
from orchestrator.store.database import Transaction

_UNWELL: Final = "state IN ('STOPPED', 'FAILED', 'TIMEOUT', 'ERROR')"
_NEWEST: Final = "ORDER BY seq DESC LIMIT :limit"
SELECT_LIVE: Final = f"""
SELECT seq FROM job_run INDEXED BY job_run_live WHERE completed_on_ms IS NULL AND state = :state {_NEWEST}
"""  # noqa: S608 - the words above
SELECT_LIVE_OF_JOB: Final = f"""
SELECT seq FROM job_run INDEXED BY job_run_live_by_job
WHERE job_key = :job_key AND completed_on_ms IS NULL AND state = :state {_NEWEST}
"""  # noqa: S608
SELECT_UNWELL: Final = f"""
SELECT seq FROM job_run INDEXED BY job_run_unwell WHERE state = :state AND {_UNWELL} {_NEWEST}
"""  # noqa: S608
SELECT_UNWELL_OF_JOB: Final = f"""
SELECT seq FROM job_run INDEXED BY job_run_unwell_by_job
WHERE job_key = :job_key AND state = :state AND {_UNWELL} {_NEWEST}
"""  # noqa: S608
_SLICE: Final = 500
_MAX_SLICES: Final = 200


def list_newest(tx: Transaction, *, job_key: int | None, state: str | None, limit: int) -> list[JobRun]:
    """Return up to `limit` runs, newest first, of one job or of all, in one state or in any."""
    if state is None:
        return _page(tx, job_key, before_seq=None, limit=limit)
    if state == JobRunState.SUCCEEDED:
        return _succeeded(tx, job_key, limit)
    values = {"job_key": job_key, "state": state, "limit": limit}
    if state in TERMINAL:
        statement = SELECT_UNWELL if job_key is None else SELECT_UNWELL_OF_JOB
    else:
        statement = SELECT_LIVE if job_key is None else SELECT_LIVE_OF_JOB
    return [job_runs.get_by_seq(tx, row["seq"]) for row in tx.execute(statement, values).fetchall()]


def _succeeded(tx: Transaction, job_key: int | None, limit: int) -> list[JobRun]:
    """Look for what most runs are among the newest; a job whose runs hardly ever succeed is not looked through whole."""
    found: list[JobRun] = []
    before: int | None = None
    for _ in range(_MAX_SLICES):
        page = _page(tx, job_key, before_seq=before, limit=_SLICE)
        found += [run for run in page if run.state is JobRunState.SUCCEEDED]
        if len(found) >= limit or len(page) < _SLICE:
            break
        before = page[-1].seq
    return found[:limit]


def _page(tx: Transaction, job_key: int | None, *, before_seq: int | None, limit: int) -> list[JobRun]:
    if job_key is None:
        return job_runs.list_newest(tx, before_seq=before_seq, limit=limit)
    return job_runs.list_page_of_job(tx, job_key, before_seq=before_seq, limit=limit)

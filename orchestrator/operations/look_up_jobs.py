"""Jobs as people look them up: with their last runs, how long they take, and their bookmarks. Not actions of Glue's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import BookmarkVersion, Job, JobRun
from orchestrator.model.run_filter import RunFilter
from orchestrator.model.run_times import Durations, durations
from orchestrator.model.states import TERMINAL, JobRunState
from orchestrator.operations.context import Context
from orchestrator.store import bookmarks, job_runs, jobs, run_lists, triggers
from orchestrator.store.database import Transaction

LATEST_RUNS: Final = 50
TIMED_RUNS: Final = 50
LATEST_VERSIONS: Final = 100
_PAGE: Final = 500
_MOST_LIVE: Final = 1_000
_LIVE: Final = frozenset(JobRunState) - TERMINAL


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedJob:
    """A job in a list of all."""

    job: Job
    live_runs: int  # up to 1,000
    last: JobRun | None


@dataclass(frozen=True, slots=True)
class Expectation:
    """When a live run is likely to end, by the runs before it that SUCCEEDED."""

    run_id: JobRunId
    ends_on_ms: int
    is_late: bool  # it takes longer than 95 of 100 did


@dataclass(frozen=True, slots=True, kw_only=True)
class LookedUpJob:
    """A job, which may be deleted by now, with its last runs."""

    name: str
    job: Job | None  # None: it is deleted
    runs: Sequence[JobRun]  # the newest first
    durations: Durations
    expected: Sequence[Expectation]
    bookmark: BookmarkVersion | None
    trigger_names: Sequence[str]  # that start it or watch it


async def list_jobs_seen(ctx: Context) -> list[ListedJob]:
    """Return every job, in order of their names."""

    def read(tx: Transaction) -> list[ListedJob]:
        found: list[Job] = []
        while page := jobs.list_page(tx, after=found[-1].name if found else "", limit=_PAGE):
            found += page
        return [_listed(tx, job) for job in found]

    return await ctx.database.read(read)


async def look_up_job(ctx: Context, name: str) -> LookedUpJob:
    """Return one job.

    Raises:
        EntityNotFoundError: there is none of that name, and was none.
    """
    now_ms = ctx.now_ms()

    def read(tx: Transaction) -> LookedUpJob:
        key = _key(tx, name)
        took = durations(run.figures.wall_ms for run in _succeeded(tx, key) if run.figures.wall_ms is not None)
        return LookedUpJob(
            name=name,
            job=jobs.find(tx, name),
            runs=job_runs.list_page_of_job(tx, key, before_seq=None, limit=LATEST_RUNS),
            durations=took,
            expected=_expected(_live(tx, key), took, now_ms),
            bookmark=next(iter(bookmarks.list_newest(tx, key, limit=1)), None),
            trigger_names=[trigger.name for trigger in triggers.list_naming(tx, name)],
        )

    return await ctx.database.read(read)


async def list_bookmark_versions(ctx: Context, name: str) -> list[BookmarkVersion]:
    """Return the history of a job's bookmark, the current version first.

    Raises:
        EntityNotFoundError: there is no job of that name, and was none.
    """
    return await ctx.database.read(lambda tx: bookmarks.list_newest(tx, _key(tx, name), limit=LATEST_VERSIONS))


def _key(tx: Transaction, name: str) -> int:
    key = jobs.find_key(tx, name)
    if key is None:
        raise EntityNotFoundError.job(name)
    return key


def _listed(tx: Transaction, job: Job) -> ListedJob:
    last = job_runs.list_page_of_job(tx, job.job_key, before_seq=None, limit=1)
    live = run_lists.count_live(tx, job.job_key, limit=_MOST_LIVE) if last else 0
    return ListedJob(job=job, live_runs=live, last=last[0] if last else None)


def _succeeded(tx: Transaction, key: int) -> Sequence[JobRun]:
    wanted = RunFilter(job_key=key, states=frozenset({JobRunState.SUCCEEDED}))
    return run_lists.list_page(tx, wanted, order="newest", after=None, limit=TIMED_RUNS).runs


def _live(tx: Transaction, key: int) -> Sequence[JobRun]:
    wanted = RunFilter(job_key=key, states=_LIVE)
    return run_lists.list_page(tx, wanted, order="newest", after=None, limit=LATEST_RUNS).runs


def _expected(live: Sequence[JobRun], took: Durations, now_ms: int) -> list[Expectation]:
    middle_ms, most_ms = took.p50_ms, took.p95_ms
    if middle_ms is None or most_ms is None:
        return []
    return [
        Expectation(run.id, run.launched_on_ms + middle_ms, now_ms - run.launched_on_ms > most_ms)
        for run in live
        if run.launched_on_ms is not None
    ]

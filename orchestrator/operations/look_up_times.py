"""Runs over time as people look at them: bars, and what they took of the machine together. Not an action of Glue's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.model.ids import JobRunId
from orchestrator.model.queue import Limits, in_use_dpu
from orchestrator.model.run_times import Step, steps
from orchestrator.model.sampling import Sample
from orchestrator.operations.context import Context
from orchestrator.store import job_runs, jobs, run_times, samples
from orchestrator.store.database import Transaction
from orchestrator.store.run_times import Alive

MOST_BARS: Final = 5_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Occupancy:
    """What is taken of the machine now, and what was."""

    limits: Limits
    dpu: float
    runs: int
    queued_dpu: float
    queued: int
    steps: Sequence[Step]
    is_cut: bool  # the steps do not reach back as far as was asked


async def look_up_timeline(ctx: Context, *, since_ms: int, until_ms: int, job: str | None) -> Alive:
    """Return the runs that waited or ran in that time, of one job or of all."""
    times = {"since_ms": since_ms, "until_ms": until_ms, "limit": MOST_BARS}

    def read(tx: Transaction) -> Alive:
        if job is None:
            return run_times.list_alive(tx, **times)
        key = jobs.find_key(tx, job)
        if key is None:
            return Alive(bars=[], is_cut=False, whole_from_ms=since_ms)
        return run_times.list_alive_of_job(tx, key, **times)

    return await ctx.database.read(read)


async def look_up_occupancy(ctx: Context, *, since_ms: int | None) -> Occupancy:
    """Return what is taken now, and, with `since_ms`, what was: from then on, or from where all of it is known."""
    held, queued, now_ms = ctx.supervisor.held, ctx.supervisor.queued, ctx.now_ms()
    found: Sequence[Step] = []
    is_cut = False
    if since_ms is not None:
        seen = await look_up_timeline(ctx, since_ms=since_ms, until_ms=now_ms + 1, job=None)
        is_cut = seen.is_cut
        if seen.whole_from_ms is not None:
            found = steps(seen.bars, since_ms=seen.whole_from_ms, until_ms=now_ms + 1)
    return Occupancy(
        limits=ctx.supervisor.limits,
        dpu=in_use_dpu(held.values()),
        runs=len(held),
        queued_dpu=in_use_dpu(queued),
        queued=len(queued),
        steps=found,
        is_cut=is_cut,
    )


async def look_up_last_samples(ctx: Context) -> Mapping[JobRunId, Sequence[Sample]]:
    """Return the last two samples of every run that takes slots now."""
    held = list(ctx.supervisor.held)

    def read(tx: Transaction) -> dict[JobRunId, Sequence[Sample]]:
        return {run_id: samples.list_last(tx, job_runs.get_by_id(tx, run_id).seq, limit=2) for run_id in held}

    return await ctx.database.read(read)

"""Runs over time as people look at them: bars, and what they took of the machine together. Not an action of Glue's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.model.queue import Limits, in_use_dpu
from orchestrator.model.run_times import Bar, Step, steps
from orchestrator.operations.context import Context
from orchestrator.store import jobs, run_times
from orchestrator.store.database import Transaction

MOST_BARS: Final = 5_000


@dataclass(frozen=True, slots=True)
class Bars:
    """The runs of a time, in order of acceptance."""

    bars: Sequence[Bar]
    is_cut: bool  # there were more


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


async def look_up_timeline(ctx: Context, *, since_ms: int, until_ms: int, job: str | None) -> Bars:
    """Return the runs that waited or ran in that time, of one job or of all."""

    def read(tx: Transaction) -> Bars:
        key = None if job is None else jobs.find_key(tx, job)
        if job is not None and key is None:
            return Bars([], is_cut=False)
        bars, is_cut = run_times.list_alive(tx, since_ms=since_ms, until_ms=until_ms, job_key=key, limit=MOST_BARS)
        return Bars(bars, is_cut)

    return await ctx.database.read(read)


async def look_up_occupancy(ctx: Context, *, since_ms: int | None) -> Occupancy:
    """Return what is taken now, and, with `since_ms`, from then on."""
    held, queued, now_ms = ctx.supervisor.held, ctx.supervisor.queued, ctx.now_ms()
    seen = Bars([], is_cut=False)
    if since_ms is not None:
        seen = await look_up_timeline(ctx, since_ms=since_ms, until_ms=now_ms + 1, job=None)
    return Occupancy(
        limits=ctx.supervisor.limits,
        dpu=in_use_dpu(held.values()),
        runs=len(held),
        queued_dpu=in_use_dpu(queued),
        queued=len(queued),
        steps=[] if since_ms is None else steps(seen.bars, since_ms=since_ms, until_ms=now_ms + 1),
        is_cut=seen.is_cut,
    )

"""Which queued runs start now: a pure decision over what waits and what is held.

Strict first come, first served by DPU slots. A run whose job is at its MaxConcurrentRuns steps aside without holding
up the others; the first run that does not fit into the slots holds up all behind it. With `backfill`, a smaller run
may pass that one only if it cannot delay it, whichever held run ends first.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from orchestrator.model.ids import JobRunId

Order = Literal["fifo", "backfill"]
_UNITS_PER_DPU: Final = 16  # 0.0625 DPU is the smallest capacity there is


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What the choice needs to know of a run, queued or held."""

    run_id: JobRunId
    job_key: int
    concurrency_limit: int
    dpu: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What may be live at once."""

    dpus: float
    max_processes: int
    order: Order = "fifo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Why a queued run does not start, and where it stands."""

    place: int  # 1 is the head
    reason: str


def in_use_dpu(held: Iterable[Demand]) -> float:
    """Return the slots that the held runs take."""
    return sum(demand.dpu for demand in held)


def choose(queued: Iterable[Demand], held: Iterable[Demand], limits: Limits) -> list[Demand]:
    """Return the queued runs that start now, in their order."""
    live = list(held)
    jobs = Counter(demand.job_key for demand in live)
    free_dpu = limits.dpus - in_use_dpu(live)
    chosen: list[Demand] = []
    head: Demand | None = None
    for demand in queued:
        if len(live) >= limits.max_processes:
            break
        if jobs[demand.job_key] >= demand.concurrency_limit:
            continue
        if head is None and demand.dpu > free_dpu:
            if limits.order == "fifo":
                break
            head = demand
            continue
        if head is not None and not _may_pass(demand, head, live, jobs, limits):
            continue
        chosen.append(demand)
        live.append(demand)
        jobs[demand.job_key] += 1
        free_dpu -= demand.dpu
    return chosen


def explain(queued: Sequence[Demand], held: Sequence[Demand], limits: Limits) -> Mapping[JobRunId, Wait]:
    """Return why each queued run waits. The sentences are what clients see as StateDetail."""
    jobs = Counter(demand.job_key for demand in held)
    used = in_use_dpu(held)
    waits: dict[JobRunId, Wait] = {}
    head: int | None = None  # the place of the first run that waits for slots
    for place, demand in enumerate(queued, start=1):
        if jobs[demand.job_key] >= demand.concurrency_limit:
            reason = f"Waiting for one of the job's {demand.concurrency_limit} concurrent runs to end"
        elif len(held) >= limits.max_processes:
            reason = f"Waiting for a process, {len(held)} live of {limits.max_processes}"
        elif head is not None:
            reason = f"Waiting for {demand.dpu:g} DPU behind place {head}, {used:g} in use of {limits.dpus:g}"
        else:
            head = place
            reason = f"Waiting for {demand.dpu:g} DPU, {used:g} in use of {limits.dpus:g}"
        waits[demand.run_id] = Wait(place=place, reason=f"{reason}; place {place} in the queue")
    return waits


def _may_pass(small: Demand, head: Demand, live: Sequence[Demand], jobs: Mapping[int, int], limits: Limits) -> bool:
    """Say whether `small` can start now without ever making `head` wait longer.

    `head` starts as soon as the runs still live leave it room. So for every set of live runs that would leave room
    for `head` alone, there must be room for `head` and `small`: it is enough to look at the largest such set.
    """
    free_dpu = limits.dpus - in_use_dpu(live)
    if small.dpu > free_dpu or len(live) + 2 > limits.max_processes:
        return False
    if small.job_key == head.job_key and jobs[head.job_key] + 2 > head.concurrency_limit:
        return False
    beside_head = int((limits.dpus - head.dpu) * _UNITS_PER_DPU)  # a rest below one unit is nobody's room
    sums = 1  # bit n is set: some set of live runs takes n units
    for demand in live:
        sums |= sums << _units(demand.dpu)
    largest = (sums & ((1 << (beside_head + 1)) - 1)).bit_length() - 1
    return largest + _units(small.dpu) <= beside_head


def _units(dpu: float) -> int:
    return round(dpu * _UNITS_PER_DPU)

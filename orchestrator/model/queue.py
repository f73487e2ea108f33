"""Which queued runs start now: a pure decision over what waits and what is held.

Strict first come, first served by DPU slots. A run whose job is at its MaxConcurrentRuns, or that asks for more than is
lent since a restart, steps aside without holding up the others; the first run that does not fit into the slots holds up all behind it. With `backfill`, a smaller run
may pass that one only if it cannot delay it, whichever held run ends first.

Runs of one job that ask for the same are alike to the choice: they wait in one lane, and who may not start keeps its
whole lane back. So a choice looks at lanes, however many runs wait in them.
"""

from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
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
    max_queued: int = 100_000  # how many may wait


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """Why a queued run does not start, and where it stands."""

    place: int  # 1 is the head; 0: it is not queued any more
    reason: str


class Line:
    """The runs that wait, in their order."""

    def __init__(self, queued: Iterable[Demand] = ()) -> None:
        """Begin with `queued`, the head first."""
        self._lanes: dict[
            tuple[int, int, float], OrderedDict[int, Demand]
        ] = {}  # unlike dict's, its first is found at once
        self._tickets: list[int] = []  # ascending: where a ticket stands here is its place
        self._by_run: dict[JobRunId, tuple[int, Demand]] = {}
        self._last_ticket = 0
        for demand in queued:
            self.add(demand)

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._by_run)

    def __iter__(self) -> Iterator[Demand]:
        """Return those that wait, the head first."""
        return (demand for _, demand in self._by_run.values())

    def add(self, demand: Demand) -> None:
        """Put a run, which is not in the line, at its end."""
        self._last_ticket += 1
        self._tickets.append(self._last_ticket)
        self._by_run[demand.run_id] = self._last_ticket, demand
        self._lanes.setdefault(_lane(demand), OrderedDict())[self._last_ticket] = demand

    def remove(self, run_id: JobRunId) -> None:
        """Take a run out of the line, if it is there."""
        entry = self._by_run.pop(run_id, None)
        if entry is None:
            return
        ticket, demand = entry
        del self._tickets[bisect_left(self._tickets, ticket)]
        lane = self._lanes[_lane(demand)]
        del lane[ticket]
        if not lane:
            del self._lanes[_lane(demand)]

    def place(self, run_id: JobRunId) -> tuple[int, Demand] | None:
        """Return the place of a run, 1 for the head, and what it asks for; None where it does not wait."""
        entry = self._by_run.get(run_id)
        return None if entry is None else (bisect_left(self._tickets, entry[0]) + 1, entry[1])

    def heads(self, jobs: Mapping[int, int], most_dpu: float) -> list[tuple[int, Demand, Iterator[tuple[int, Demand]]]]:
        """Return the head of each lane whose job may start one more beside the live ones: ticket, run, those behind it.

        Runs that ask for more than `most_dpu` step aside: they were accepted when there was more, and can never start.
        """
        found = []
        for (job_key, concurrency_limit, dpu), lane in self._lanes.items():
            if jobs.get(job_key, 0) < concurrency_limit and dpu <= most_dpu:
                waiting = iter(lane.items())
                found.append((*next(waiting), waiting))
        return found


def in_use_dpu(held: Iterable[Demand]) -> float:
    """Return the slots that the held runs take."""
    return sum(demand.dpu for demand in held)


def choose(line: Line, held: Iterable[Demand], limits: Limits, ending: Iterable[Demand] = ()) -> list[Demand]:
    """Return the queued runs that start now, in their order.

    `ending` are runs whose processes are gone and whose ends are not on disk yet: they take no slot, but they are still
    among the concurrent runs of their jobs, and the next one may want what they are about to leave (a bookmark).
    """
    live = list(held)
    if not line or len(live) >= limits.max_processes:
        return []
    jobs = Counter(demand.job_key for demand in (*live, *ending))
    free_dpu = limits.dpus - in_use_dpu(live)
    chosen: list[Demand] = []
    head: Demand | None = None
    lanes = line.heads(jobs, limits.dpus)
    heapify(lanes)  # tickets differ, so nothing else is compared
    while lanes and len(live) < limits.max_processes:
        _, demand, behind = lanes[0]
        if jobs[demand.job_key] >= demand.concurrency_limit or (
            head is not None and not _may_pass(demand, head, live, jobs, limits)
        ):
            heappop(lanes)  # what was started meanwhile only makes it harder for those behind it, which are alike
        elif head is None and demand.dpu > free_dpu:
            if limits.order == "fifo":
                break
            head = demand
            heappop(lanes)
        else:
            chosen.append(demand)
            live.append(demand)
            jobs[demand.job_key] += 1
            free_dpu -= demand.dpu
            following = next(behind, None)
            if following is None:
                heappop(lanes)
            else:
                heapreplace(lanes, (*following, behind))
    return chosen


def explain(
    line: Line,
    held: Sequence[Demand],
    limits: Limits,
    run_ids: Iterable[JobRunId] | None = None,
    *,
    ending: Iterable[Demand] = (),
) -> Mapping[JobRunId, Wait]:
    """Return why each queued run waits, or those of `run_ids`. The sentences are what clients see as StateDetail."""
    jobs = Counter(demand.job_key for demand in (*held, *ending))
    used = in_use_dpu(held)
    head = min(line.heads(jobs, limits.dpus), default=None)  # the first run that waits for slots
    head_place = None if head is None else line.place(head[1].run_id)
    waits: dict[JobRunId, Wait] = {}
    for run_id in [demand.run_id for demand in line] if run_ids is None else run_ids:
        found = line.place(run_id)
        if found is None:
            continue
        place, demand = found
        if demand.dpu > limits.dpus:
            reason = f"Waiting for {demand.dpu:g} DPU, which is more than the {limits.dpus:g} that are lent now"
        elif jobs[demand.job_key] >= demand.concurrency_limit:
            reason = f"Waiting for one of the job's {demand.concurrency_limit} concurrent runs to end"
        elif len(held) >= limits.max_processes:
            reason = f"Waiting for a process, {len(held)} live of {limits.max_processes}"
        elif head_place is not None and head_place[0] < place:
            reason = f"Waiting for {demand.dpu:g} DPU behind place {head_place[0]}, {used:g} in use of {limits.dpus:g}"
        else:
            reason = f"Waiting for {demand.dpu:g} DPU, {used:g} in use of {limits.dpus:g}"
        waits[run_id] = Wait(place=place, reason=f"{reason}; place {place} in the queue")
    return waits


def _lane(demand: Demand) -> tuple[int, int, float]:
    return demand.job_key, demand.concurrency_limit, demand.dpu


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

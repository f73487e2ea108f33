"""Runs over time: when each was alive, what they took of the machine together, and how long one is expected to take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from orchestrator.model.ids import JobRunId
from orchestrator.model.states import JobRunState

MOST_STEPS: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """When one run waited and ran."""

    seq: int
    run_id: JobRunId
    job_name: str
    state: JobRunState
    trigger_name: str | None
    chain_key: int | None
    started_on_ms: int
    launched_on_ms: int | None
    completed_on_ms: int | None
    dpu: float
    predecessors: Sequence[JobRunId] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """From this moment on, so much ran and so many waited; in a part of the time that has many steps, the most of it."""

    at_ms: int
    dpu: float
    runs: int
    queued: int


@dataclass(frozen=True, slots=True)
class Durations:
    """How long runs of a job took that SUCCEEDED. None where there are none."""

    count: int
    p50_ms: int | None
    p95_ms: int | None


def steps(bars: Iterable[Bar], *, since_ms: int, until_ms: int) -> list[Step]:
    """Return what ran and waited from `since_ms` on, as steps; the first is at `since_ms`."""
    moves: list[tuple[int, float, int, int]] = []
    for bar in bars:
        end_ms = bar.completed_on_ms
        left_ms = bar.launched_on_ms if bar.launched_on_ms is not None else end_ms
        moves.append((bar.started_on_ms, 0.0, 0, 1))
        if left_ms is not None:
            moves.append((left_ms, 0.0, 0, -1))
        if bar.launched_on_ms is not None:
            moves.append((bar.launched_on_ms, bar.dpu, 1, 0))
            if end_ms is not None:
                moves.append((end_ms, -bar.dpu, -1, 0))
    moves.sort()
    found = [Step(since_ms, 0.0, 0, 0)]
    for at_ms, dpu, runs, queued in moves:
        last = found[-1]
        now = Step(max(at_ms, since_ms), last.dpu + dpu, last.runs + runs, last.queued + queued)
        if now.at_ms == last.at_ms:
            found[-1] = now
        elif now.at_ms < until_ms:
            found.append(now)
    return _thinned(found, since_ms, until_ms)


def _thinned(found: list[Step], since_ms: int, until_ms: int) -> list[Step]:
    """Keep at most MOST_STEPS: of each part of the time the most that there was in it."""
    if len(found) <= MOST_STEPS:
        return found
    part_ms = max(1, -(-(until_ms - since_ms) // MOST_STEPS))
    kept: dict[int, Step] = {}
    for before, step in pairwise([found[0], *found]):
        part = (step.at_ms - since_ms) // part_ms
        most = kept.get(part, before)  # what was so when the part began
        kept[part] = Step(
            since_ms + part * part_ms,
            max(most.dpu, step.dpu),
            max(most.runs, step.runs),
            max(most.queued, step.queued),
        )
    return list(kept.values())


def durations(wall_ms: Iterable[int]) -> Durations:
    """Return the middle and the 95th percentile (nearest rank)."""
    rising = sorted(wall_ms)
    if not rising:
        return Durations(0, None, None)
    return Durations(len(rising), _percentile(rising, 50), _percentile(rising, 95))


def _percentile(rising: Sequence[int], percent: int) -> int:
    return rising[-(-percent * len(rising) // 100) - 1]

"""From samples to ratios: what was measured in each round, and what it says. Pure.

A ratio is taken within one round, where both sides met the same hour of the same machine; what is told of several rounds
is the median ratio and the two ends. Ratios of medians would mix hours.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

ABSENT: Final = "–"
Better = Literal["more", "less"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """What of whom: `runs/s` of `xargs`."""

    contender: str
    measure: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One figure of one contender in one round."""

    work: str
    round: int
    contender: str
    measure: str
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A row of the table: one quantity, or one divided by another, and what is aimed at."""

    work: str
    name: str
    of: Quantity
    over: Quantity | None = None
    better: Better = "more"
    target: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """What several rounds gave."""

    rounds: tuple[float, ...]

    @property
    def middle(self) -> float:
        """The median."""
        return median(self.rounds)

    @property
    def lowest(self) -> float:
        """The smallest."""
        return min(self.rounds)

    @property
    def highest(self) -> float:
        """The largest."""
        return max(self.rounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A goal and what came of it; no spread: there was nothing to compare."""

    goal: Goal
    spread: Spread | None

    @property
    def is_reached(self) -> bool | None:
        """Say whether the median is where it should be; None if there is no target or no figure."""
        if self.goal.target is None or self.spread is None:
            return None
        middle = self.spread.middle
        return middle >= self.goal.target if self.goal.better == "more" else middle <= self.goal.target


def compare(goals: Iterable[Goal], samples: Sequence[Sample]) -> list[Row]:
    """Return a row per goal, from the rounds in which everything that it needs was measured."""
    return [Row(goal=goal, spread=_spread(_rounds(goal, samples))) for goal in goals]


def spreads(samples: Iterable[Sample]) -> Mapping[tuple[str, str, str], Spread]:
    """Return what the rounds gave by work, contender and measure, in the order in which they were first seen."""
    found: dict[tuple[str, str, str], list[float]] = {}
    for sample in samples:
        found.setdefault((sample.work, sample.contender, sample.measure), []).append(sample.value)
    return {key: Spread(rounds=tuple(values)) for key, values in found.items()}


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values do not exceed, by nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def in_turn(things: Sequence[str], turn: int) -> list[str]:
    """Return the things, beginning with another one each turn: nobody is always first, or always behind the same."""
    start = turn % len(things) if things else 0
    return [*things[start:], *things[:start]]


def spell(value: float) -> str:
    """Return a figure with three digits that count."""
    if value == 0:
        return "0"
    size = abs(value)
    places = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 4
    return f"{value:,.{places}f}"


def spell_target(goal: Goal) -> str:
    """Return the target as it is read: `≥ 0.75`."""
    if goal.target is None:
        return ""
    return f"{'≥' if goal.better == 'more' else '≤'} {goal.target:,g}"


def _rounds(goal: Goal, samples: Sequence[Sample]) -> list[float]:
    of = _by_round(goal.work, goal.of, samples)
    if goal.over is None:
        return [of[number] for number in sorted(of)]
    over = _by_round(goal.work, goal.over, samples)
    return [of[number] / over[number] for number in sorted(of) if over.get(number)]


def _by_round(work: str, quantity: Quantity, samples: Sequence[Sample]) -> dict[int, float]:
    return {
        sample.round: sample.value
        for sample in samples
        if (sample.work, sample.contender, sample.measure) == (work, quantity.contender, quantity.measure)
    }


def _spread(rounds: Sequence[float]) -> Spread | None:
    return Spread(rounds=tuple(rounds)) if rounds else None

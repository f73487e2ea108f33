"""When it is looked what a live run uses, and how much of that is kept: every second at first, thinner as it goes on.

The samples of a run lie a step apart: the first of each step is kept, and the newest one. A step is a second, and twice as
long whenever there would be more than `MOST` of them; so a run of three minutes has one a second, a run of a day one every
eight to nine minutes. How often it is looked follows the step, but not beyond half a minute: the newest one is never old.
"""

from dataclasses import dataclass
from typing import Final

MOST: Final = 200
"""How many samples are kept of a run."""
FIRST_AFTER_MS: Final = 1000
"""A run that is shorter has none."""
LONGEST_INTERVAL_MS: Final = 32_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What all processes of a run used together, at an instant."""

    after_ms: int  # since the launch
    cpu_ms: int  # of all processes since then, those that have ended included
    rss_bytes: int
    processes: int


def step_ms(elapsed_ms: int) -> int:
    """Return how far apart samples of a run are kept that has lasted for so long: at most `MOST` with the newest one."""
    step = FIRST_AFTER_MS
    while elapsed_ms >= (MOST - 1) * step:
        step *= 2
    return step


def interval_ms(elapsed_ms: int) -> int:
    """Return how long after one look at such a run the next one comes."""
    return min(step_ms(elapsed_ms), LONGEST_INTERVAL_MS)


def next_look_ms(elapsed_ms: int, now_ms: int) -> int:
    """Return when to look at a run that has lasted for so long by `now_ms`, on the same clock.

    It is a multiple of the interval on that clock, so that runs which began at any time are looked at together.
    """
    earliest_ms = now_ms + max(FIRST_AFTER_MS - elapsed_ms, 1)
    every_ms = interval_ms(elapsed_ms)
    return -(-earliest_ms // every_ms) * every_ms


def unchecked_from_ms(previous_ms: int | None, after_ms: int) -> int:
    """Return from where on the samples are to be thinned when one comes at `after_ms`, where the last one is known.

    All of them, where the step has become longer since; else those of the last one's step, of which two are kept at most.
    """
    step = step_ms(after_ms)
    if previous_ms is None or step_ms(previous_ms) != step:
        return 0
    return previous_ms // step * step

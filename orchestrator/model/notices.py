"""When an outlet is told of an event, when it is tried again, and when it is given up."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from orchestrator.model.records import Event

FIRST_DELAY_S: Final = 2.0
LONGEST_DELAY_S: Final = 600.0
_JITTER: Final = 0.2
"""A delay is up to so much shorter or longer, so that those who failed together do not come back together."""
GIVEN_UP_AFTER_MS: Final = 24 * 60 * 60 * 1000
GIVEN_UP_AFTER_TRIES: Final = 12
"""Both must have passed: a machine that was asleep over the weekend still tells what it had to tell on Friday."""
GIVEN_UP_AFTER_REFUSALS: Final = 5
"""Of a notice that the outlet says it cannot take as it is: that is known within a minute, and the next goes on."""
_MS_PER_S: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events an outlet is told of; empty: all of them."""

    jobs: tuple[str, ...] = ()  # patterns as in a shell: *, ?, [a-z]
    states: tuple[str, ...] = ()

    def has(self, event: Event) -> bool:
        """Say whether the event is one of them."""
        is_of_job = not self.jobs or any(fnmatchcase(event.run.job_name, pattern) for pattern in self.jobs)
        return is_of_job and (not self.states or event.state in self.states)


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far an outlet is."""

    place: int  # the last event that it has taken or was spared
    tries: int = 0  # how many have failed since it last took one
    due_ms: int | None = None  # when it is to be tried again; None: at once


@dataclass(frozen=True, slots=True, kw_only=True)
class Portion:
    """What an outlet is to take at once, and where it is then."""

    events: Sequence[Event]
    place: int


def next_portion(page: Sequence[Event], wanted: Wanted, *, most: int) -> Portion:
    """Return the first up to `most` events that are wanted, and the place behind them and all that is spared; `page` is not empty."""
    chosen: list[Event] = []
    place = page[0].seq - 1
    for event in page:
        if wanted.has(event):
            if len(chosen) == most:
                break
            chosen.append(event)
        place = event.seq
    return Portion(events=chosen, place=place)


def wait_ms(progress: Progress, now_ms: int) -> int:
    """Return how long the next try is to wait. One that is further off than any delay is due since the clock was set back."""
    if progress.due_ms is None:
        return 0
    left_ms = progress.due_ms - now_ms
    return left_ms if 0 < left_ms <= LONGEST_DELAY_S * (1 + _JITTER) * _MS_PER_S else 0


def after_failure(
    progress: Progress, event: Event, *, now_ms: int, chance: float, is_refused: bool = False
) -> Progress:
    """Return how it goes on when a try that began with `event` has failed; `chance` is between 0 and 1.

    Where the place moves, the event is given up. The failures still count then: while nothing is taken at all, each of the
    events that are as old has one try more, and what is younger waits as long as before.
    """
    tries = progress.tries + 1
    if is_refused and tries >= GIVEN_UP_AFTER_REFUSALS:
        return Progress(place=event.seq)
    if tries >= GIVEN_UP_AFTER_TRIES and now_ms - event.at_ms >= GIVEN_UP_AFTER_MS:
        return Progress(place=event.seq, tries=tries)
    delay_s = min(FIRST_DELAY_S * 2 ** min(tries - 1, 20), LONGEST_DELAY_S) * (1 - _JITTER + 2 * _JITTER * chance)
    return Progress(place=progress.place, tries=tries, due_ms=now_ms + round(delay_s * _MS_PER_S))

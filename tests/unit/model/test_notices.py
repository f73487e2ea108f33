"""What an outlet is told of, and how it goes on when it does not take it."""

from dataclasses import replace
from itertools import pairwise
from typing import Final

import pytest

from orchestrator.model.notices import (
    GIVEN_UP_AFTER_MS,
    GIVEN_UP_AFTER_REFUSALS,
    GIVEN_UP_AFTER_TRIES,
    LONGEST_DELAY_S,
    Progress,
    Wanted,
    after_failure,
    next_portion,
    wait_ms,
)
from orchestrator.model.records import Event, EventKind
from orchestrator.model.states import JobRunState
from tests.support.records import NOW_MS, a_run

_DAY_LATER_MS: Final = NOW_MS + GIVEN_UP_AFTER_MS


def an_event(seq: int = 1, job: str = "etl", state: JobRunState = JobRunState.FAILED) -> Event:
    run = a_run(seq, job_name=job, state=state)
    return Event(seq=seq, kind=EventKind.STATE_CHANGE, state=state, at_ms=NOW_MS, run=run)


@pytest.mark.parametrize(
    ("jobs", "states", "is_wanted"),
    [
        ((), (), True),
        (("etl",), (), True),
        (("e*", "x"), (), True),
        (("ETL",), (), False),
        (("tl",), (), False),
        ((), ("FAILED", "TIMEOUT"), True),
        ((), ("SUCCEEDED",), False),
        (("e?l",), ("SUCCEEDED",), False),
        (("x",), ("FAILED",), False),
    ],
)
def test_an_event_is_wanted_by_its_job_and_its_state(
    jobs: tuple[str, ...], states: tuple[str, ...], *, is_wanted: bool
) -> None:
    assert Wanted(jobs=jobs, states=states).has(an_event()) == is_wanted


@pytest.mark.parametrize(
    ("jobs", "most", "chosen", "place"),
    [
        ("aaa", 1, [1], 1),
        ("aaa", 2, [1, 2], 2),
        ("aaa", 9, [1, 2, 3], 3),
        ("bab", 1, [2], 3),
        ("abba", 1, [1], 3),
        ("bbb", 1, [], 3),
        ("babab", 2, [2, 4], 5),
    ],
)
def test_a_portion_ends_before_the_next_that_is_wanted(jobs: str, most: int, chosen: list[int], place: int) -> None:
    page = [an_event(seq, job) for seq, job in enumerate(jobs, start=1)]
    portion = next_portion(page, Wanted(jobs=("a",)), most=most)
    assert ([event.seq for event in portion.events], portion.place) == (chosen, place)


def test_the_pause_grows_from_seconds_to_ten_minutes_and_no_further() -> None:
    progress, pauses = Progress(place=0), []
    for _ in range(40):
        progress = after_failure(progress, an_event(), now_ms=NOW_MS, chance=0.5)
        assert progress.due_ms is not None
        pauses.append((progress.due_ms - NOW_MS) / 1000)
    assert pauses[:4] == [2, 4, 8, 16]
    assert all(before <= after for before, after in pairwise(pauses))
    assert pauses[-1] == LONGEST_DELAY_S
    assert (progress.place, progress.tries) == (0, 40)


@pytest.mark.parametrize(("chance", "pause_s"), [(0, 1.6), (0.5, 2), (1, 2.4)])
def test_chance_parts_those_who_failed_together(chance: float, pause_s: float) -> None:
    assert after_failure(Progress(place=0), an_event(), now_ms=NOW_MS, chance=chance).due_ms == NOW_MS + pause_s * 1000


@pytest.mark.parametrize(
    ("tries", "now_ms", "is_given_up"),
    [
        (GIVEN_UP_AFTER_TRIES - 1, _DAY_LATER_MS, True),
        (GIVEN_UP_AFTER_TRIES - 2, _DAY_LATER_MS, False),
        (GIVEN_UP_AFTER_TRIES - 1, _DAY_LATER_MS - 1, False),
        (0, NOW_MS + 3 * GIVEN_UP_AFTER_MS, False),
        (10_000, NOW_MS, False),
    ],
)
def test_an_event_is_given_up_when_it_is_a_day_old_and_twelve_tries_have_failed(
    tries: int, now_ms: int, *, is_given_up: bool
) -> None:
    then = after_failure(Progress(place=6, tries=tries), an_event(7), now_ms=now_ms, chance=0.5)
    assert then.tries == tries + 1
    assert (then.place == 7) == is_given_up
    assert (then.due_ms is None) == is_given_up


@pytest.mark.parametrize(
    ("tries", "is_given_up"), [(0, False), (GIVEN_UP_AFTER_REFUSALS - 2, False), (GIVEN_UP_AFTER_REFUSALS - 1, True)]
)
def test_what_an_outlet_cannot_take_is_given_up_soon_and_the_next_begins_anew(tries: int, *, is_given_up: bool) -> None:
    now = {"now_ms": NOW_MS, "chance": 0.5}
    then = after_failure(Progress(place=6, tries=tries), an_event(7), **now, is_refused=True)  # type: ignore[arg-type]
    assert (then == Progress(place=7)) == is_given_up
    assert after_failure(Progress(place=6, tries=tries), an_event(7), **now).place == 6  # type: ignore[arg-type]


def test_one_that_follows_an_event_given_up_is_tried_at_once_and_given_up_or_waits_by_its_own_age() -> None:
    then = after_failure(Progress(place=6, tries=50), an_event(7), now_ms=_DAY_LATER_MS, chance=0.5)
    assert wait_ms(then, _DAY_LATER_MS) == 0
    assert after_failure(then, an_event(8), now_ms=_DAY_LATER_MS, chance=0.5).place == 8
    young = replace(an_event(8), at_ms=NOW_MS + 1)
    assert after_failure(then, young, now_ms=_DAY_LATER_MS, chance=0.5) == Progress(
        place=7, tries=52, due_ms=_DAY_LATER_MS + 600_000
    )


@pytest.mark.parametrize(
    ("due_ms", "waits_ms"),
    [(None, 0), (NOW_MS - 1, 0), (NOW_MS, 0), (NOW_MS + 5, 5), (NOW_MS + 720_000, 720_000), (NOW_MS + 720_001, 0)],
)
def test_a_try_waits_until_it_is_due_and_no_longer_than_any_pause(due_ms: int | None, waits_ms: int) -> None:
    """One that is due in an hour is so because the clock was set back."""
    assert wait_ms(Progress(place=0, tries=1, due_ms=due_ms), NOW_MS) == waits_ms

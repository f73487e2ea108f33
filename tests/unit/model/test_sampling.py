"""When it is looked what a run uses, and how far apart what is kept of that lies."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.sampling import (
    FIRST_AFTER_MS,
    LONGEST_INTERVAL_MS,
    MOST,
    interval_ms,
    next_look_ms,
    step_ms,
    unchecked_from_ms,
)

_YEAR_MS = 366 * 86_400_000
elapsed = st.integers(min_value=0, max_value=_YEAR_MS)
clock = st.integers(min_value=0, max_value=_YEAR_MS)


@pytest.mark.parametrize(
    ("elapsed_ms", "step"),
    [(0, 1000), (198_999, 1000), (199_000, 2000), (397_999, 2000), (398_000, 4000), (86_400_000, 512_000)],
)
def test_the_step_is_a_second_and_doubles_as_a_run_goes_on(elapsed_ms: int, step: int) -> None:
    assert step_ms(elapsed_ms) == step


@given(elapsed)
def test_no_run_has_more_steps_than_are_kept_with_the_newest_sample(elapsed_ms: int) -> None:
    assert elapsed_ms // step_ms(elapsed_ms) + 1 < MOST
    assert step_ms(elapsed_ms) == 1000 or elapsed_ms // step_ms(elapsed_ms) + 1 > MOST // 2 - 1


@given(elapsed, clock)
def test_a_look_comes_after_a_second_and_then_within_the_interval(elapsed_ms: int, now_ms: int) -> None:
    due_ms = next_look_ms(elapsed_ms, now_ms)
    assert due_ms > now_ms
    assert due_ms - now_ms + elapsed_ms >= FIRST_AFTER_MS
    assert due_ms - now_ms <= max(0, FIRST_AFTER_MS - elapsed_ms) + interval_ms(elapsed_ms)
    assert interval_ms(elapsed_ms) <= LONGEST_INTERVAL_MS


@given(elapsed, elapsed, clock)
def test_runs_that_are_as_old_as_each_other_or_older_are_looked_at_together(one: int, other: int, now_ms: int) -> None:
    """Of two intervals the longer one is a multiple of the shorter one, on the same clock."""
    first, second = sorted((interval_ms(one), interval_ms(other)))
    assert second % first == 0
    assert next_look_ms(one, now_ms) % interval_ms(one) == 0


@given(elapsed, st.integers(min_value=1, max_value=100_000))
def test_only_the_last_step_is_thinned_unless_steps_have_become_longer(previous_ms: int, later_ms: int) -> None:
    after_ms = previous_ms + later_ms
    from_ms = unchecked_from_ms(previous_ms, after_ms)
    if step_ms(previous_ms) == step_ms(after_ms):
        assert 0 <= previous_ms - from_ms < step_ms(after_ms)
    else:
        assert from_ms == 0
    assert unchecked_from_ms(None, after_ms) == 0

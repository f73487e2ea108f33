"""What runs took together over time, and how long one takes."""

import random
from typing import Any

import pytest

from orchestrator.model.ids import JobRunId
from orchestrator.model.run_times import MOST_STEPS, Bar, Durations, Step, durations, steps
from orchestrator.model.states import JobRunState


def a_bar(seq: int, started: int, launched: int | None, completed: int | None, dpu: float = 10.0) -> Bar:
    some: dict[str, Any] = {"job_name": "j", "state": JobRunState.RUNNING, "trigger_name": None, "chain_key": None}
    return Bar(
        seq=seq,
        run_id=JobRunId(bytes(32), seq),
        started_on_ms=started,
        launched_on_ms=launched,
        completed_on_ms=completed,
        dpu=dpu,
        **some,
    )


def test_a_run_is_queued_until_its_launch_and_takes_its_dpu_until_its_end() -> None:
    assert steps([a_bar(1, 10, 20, 30)], since_ms=0, until_ms=100) == [
        Step(0, 0, 0, 0),
        Step(10, 0, 0, 1),
        Step(20, 10, 1, 0),
        Step(30, 0, 0, 0),
    ]


def test_what_began_before_is_there_from_the_first_step_on() -> None:
    bars = [a_bar(1, 10, 20, None), a_bar(2, 15, None, None), a_bar(3, 5, None, 12)]
    assert steps(bars, since_ms=50, until_ms=100) == [Step(50, 10, 1, 1)]


def test_what_comes_later_than_the_time_asked_for_is_left_out() -> None:
    assert steps([a_bar(1, 10, 200, None)], since_ms=0, until_ms=100) == [Step(0, 0, 0, 0), Step(10, 0, 0, 1)]


def test_many_steps_are_thinned_and_no_peak_is_lost() -> None:
    source = random.Random(1)
    bars = [a_bar(n, n * 10, n * 10 + 3, n * 10 + 3 + source.randrange(1, 100)) for n in range(5_000)]
    found = steps(bars, since_ms=0, until_ms=50_200)
    assert 500 < len(found) <= MOST_STEPS
    assert [step.at_ms for step in found] == sorted({step.at_ms for step in found})
    every = max(
        sum(bar.launched_on_ms <= at < bar.completed_on_ms for bar in bars[max(0, n - 50) : n + 50])  # type: ignore[operator]
        for n in range(0, 5_000, 7)
        for at in (n * 10 + 3,)
    )
    assert max(step.runs for step in found) >= every
    assert max(step.dpu for step in found) == 10 * max(step.runs for step in found)


@pytest.mark.parametrize(
    ("took", "expected"),
    [
        ([], Durations(0, None, None)),
        ([7], Durations(1, 7, 7)),
        ([3, 1, 2], Durations(3, 2, 3)),
        (list(range(1, 101)), Durations(100, 50, 95)),
    ],
)
def test_percentiles_are_of_nearest_rank(took: list[int], expected: Durations) -> None:
    assert durations(took) == expected

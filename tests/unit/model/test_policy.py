"""The pause before a retry grows from one to the next, up to a longest one."""

import pytest

from orchestrator.model.policy import Policy, RetryDelay


@pytest.mark.parametrize(
    ("delay", "pauses_ms"),
    [
        (RetryDelay(), [1_000, 2_000, 4_000, 8_000]),
        (RetryDelay(first_s=30, factor=1), [30_000] * 4),
        (RetryDelay(first_s=0), [0] * 4),
        (RetryDelay(first_s=100, factor=2, longest_s=300), [100_000, 200_000, 300_000, 300_000]),
        (RetryDelay(first_s=500, longest_s=300), [300_000] * 4),
    ],
)
def test_the_pause_grows_up_to_the_longest(delay: RetryDelay, pauses_ms: list[int]) -> None:
    assert [delay.before_ms(number) for number in (1, 2, 3, 4)] == pauses_ms


def test_the_pause_of_a_late_retry_is_no_huge_number() -> None:
    delay = RetryDelay(factor=100)
    assert delay.before_ms(10_000) == delay.longest_ms == 300_000


def test_glues_behaviour_is_the_default_but_for_runs_of_busy_jobs_which_wait() -> None:
    policy = Policy(cap_dpu=1)
    assert (policy.on_busy, policy.catch_up, policy.fire_on_manual_runs) == ("queue", "none", False)

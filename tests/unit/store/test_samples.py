"""Samples of a run: at most 200, a step apart, the newest always; and processor time that never falls."""

import sqlite3
from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.model.sampling import MOST, Sample, interval_ms, step_ms
from orchestrator.store import samples
from tests.support.records import opened, stored_run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def a_sample(after_ms: int, cpu_ms: int = 0) -> Sample:
    return Sample(after_ms=after_ms, cpu_ms=cpu_ms, rss_bytes=after_ms, processes=1)


def test_what_was_kept_is_returned_in_its_order_and_only_that_of_the_run(store: sqlite3.Connection) -> None:
    first, second = stored_run(store, 1), stored_run(store, 2)
    kept = [Sample(after_ms=at, cpu_ms=at // 2, rss_bytes=at * 3, processes=at // 1000) for at in (1000, 2001, 3002)]
    for sample in kept:
        samples.keep(store, first.seq, sample)
    samples.keep(store, second.seq, a_sample(1))
    assert samples.list_of_run(store, first.seq) == kept
    assert samples.list_of_run(store, second.seq) == [a_sample(1)]
    assert samples.list_of_run(store, 99) == []


def test_a_run_that_is_gone_has_none(store: sqlite3.Connection) -> None:
    samples.keep(store, 99, a_sample(1000))
    assert samples.list_of_run(store, 99) == []


def test_samples_go_with_their_run(store: sqlite3.Connection) -> None:
    run = stored_run(store, 1)
    samples.keep(store, run.seq, a_sample(1000))
    store.execute("PRAGMA foreign_keys = ON")
    store.execute("DELETE FROM job_run_transition")
    store.execute("DELETE FROM job_run WHERE seq = ?", [run.seq])
    assert samples.list_of_run(store, run.seq) == []


def test_processor_time_never_falls_and_no_sample_is_before_the_last(store: sqlite3.Connection) -> None:
    run = stored_run(store, 1)
    for after_ms, cpu_ms in ((1000, 500), (2000, 300), (1500, 700)):
        samples.keep(store, run.seq, a_sample(after_ms, cpu_ms))
    found = samples.list_of_run(store, run.seq)
    assert [(one.after_ms, one.cpu_ms) for one in found] == [(1000, 500), (2000, 500), (2001, 700)]


def test_a_run_of_two_days_is_told_evenly_and_up_to_now(store: sqlite3.Connection) -> None:
    run = stored_run(store, 1)
    now_ms = 1000
    store.execute("BEGIN")
    while now_ms < 2 * 86_400_000:
        samples.keep(store, run.seq, a_sample(now_ms))
        now_ms += interval_ms(now_ms)
    store.execute("COMMIT")
    at = [sample.after_ms for sample in samples.list_of_run(store, run.seq)]
    assert MOST // 2 < len(at) <= MOST
    step = step_ms(now_ms)
    assert max(later - earlier for earlier, later in pairwise(at)) <= 2 * step
    assert at[-1] == now_ms - interval_ms(now_ms)


NUMBERS = count(1000)
"""Of runs: the store is the same for all examples."""


@given(st.lists(st.integers(min_value=1, max_value=3_000_000), min_size=1, max_size=300))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_however_looks_come_no_more_are_kept_than_may_be_and_the_newest_is(
    store: sqlite3.Connection, pauses: list[int]
) -> None:
    store.execute("DELETE FROM sample")
    run = stored_run(store, next(NUMBERS))
    now_ms, at = 0, [0]
    for pause_ms in pauses:
        now_ms += pause_ms
        samples.keep(store, run.seq, a_sample(now_ms))
        at = [sample.after_ms for sample in samples.list_of_run(store, run.seq)]
        assert len(at) <= MOST
        assert at[-1] == now_ms
    firsts = {after_ms // step_ms(now_ms) for after_ms in at[:-1]}
    assert len(firsts) == len(at) - 1  # one a step, beside the newest

"""Who waited or ran in a time is told as a look at every run finds it; where there are too many, the latest are."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Final

import pytest

from orchestrator.store import jobs, run_times
from tests.support.history import History
from tests.support.records import opened

_ENDLESS: Final = 2**62


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("times") / "state.db"
    History(path).fill(5_000)
    with closing(opened(path)) as store:
        yield store


def expected(store: sqlite3.Connection, since_ms: int, until_ms: int, job_key: int | None = None) -> list[int]:
    return [
        row["seq"]
        for row in store.execute("SELECT * FROM job_run ORDER BY seq")
        if row["started_on_ms"] < until_ms
        and (row["completed_on_ms"] is None or row["completed_on_ms"] >= since_ms)
        and job_key in (None, row["job_key"])
    ]


def windows(store: sqlite3.Connection) -> list[tuple[int, int]]:
    times = [row[0] for row in store.execute("SELECT started_on_ms FROM job_run ORDER BY started_on_ms")]
    return [(times[n], times[n + 300]) for n in range(0, len(times) - 300, 900)] + [(0, _ENDLESS)]


def test_all_who_were_alive_in_a_time_are_told(filled: sqlite3.Connection) -> None:
    for since_ms, until_ms in windows(filled):
        found = run_times.list_alive(filled, since_ms=since_ms, until_ms=until_ms, limit=10_000)
        assert [bar.seq for bar in found.bars] == expected(filled, since_ms, until_ms)
        assert (found.is_cut, found.whole_from_ms) == (False, since_ms)


@pytest.mark.parametrize("job", ["hourly", "rare", "daily"])
def test_those_of_one_job_are_told_however_many_others_there_are(filled: sqlite3.Connection, job: str) -> None:
    key = jobs.find_key(filled, job)
    assert key is not None
    for since_ms, until_ms in windows(filled):
        found = run_times.list_alive_of_job(filled, key, since_ms=since_ms, until_ms=until_ms, limit=10_000)
        assert [bar.seq for bar in found.bars] == expected(filled, since_ms, until_ms, key)
        assert not found.is_cut


def test_where_there_are_too_many_the_live_and_the_last_are_told_and_from_when_on_none_is_missing(
    filled: sqlite3.Connection,
) -> None:
    found = run_times.list_alive(filled, since_ms=0, until_ms=_ENDLESS, limit=500)
    assert (found.is_cut, len(found.bars)) == (True, 500)
    assert found.whole_from_ms is not None
    told = [bar.seq for bar in found.bars]
    assert set(expected(filled, found.whole_from_ms, _ENDLESS)) <= set(told)
    ended = [bar.completed_on_ms for bar in found.bars if bar.completed_on_ms is not None]
    assert found.whole_from_ms == min(ended) + 1
    live = sum(1 for bar in found.bars if bar.completed_on_ms is None)
    tight = run_times.list_alive(filled, since_ms=0, until_ms=_ENDLESS, limit=live)
    assert (tight.is_cut, tight.whole_from_ms, len(tight.bars)) == (True, None, live)


def test_a_limit_that_is_just_met_cuts_nothing(filled: sqlite3.Connection) -> None:
    since_ms, until_ms = windows(filled)[0]
    all_of_it = expected(filled, since_ms, until_ms)
    assert not run_times.list_alive(filled, since_ms=since_ms, until_ms=until_ms, limit=len(all_of_it)).is_cut
    assert run_times.list_alive(filled, since_ms=since_ms, until_ms=until_ms, limit=len(all_of_it) - 1).is_cut


def test_a_jobs_runs_are_cut_where_a_look_takes_too_long(
    filled: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = jobs.find_key(filled, "daily") or 0
    monkeypatch.setattr(run_times, "_MOST_LOOKED", 500)
    assert run_times.list_alive_of_job(filled, key, since_ms=0, until_ms=_ENDLESS, limit=10_000).is_cut

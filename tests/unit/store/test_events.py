"""Each kind of event is there once for a run, in the order in which it happened."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.records import EventKind
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.store import events, job_runs
from tests.support.records import NOW_MS, moved, opened, stored_run

S, E = JobRunState, RunEvent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def test_each_kind_is_told_once_with_the_state_that_it_was_told_in(store: sqlite3.Connection) -> None:
    run = moved(store, stored_run(store, 1, notify_delay_after_min=1), E.LAUNCHED)
    events.append(store, run, EventKind.RUN_STATUS, at_ms=NOW_MS)
    run = moved(store, run, E.FAILED)
    events.append(store, run, EventKind.RUN_STATUS, at_ms=NOW_MS + 1)
    for _ in range(2):
        events.append(store, run, EventKind.STATE_CHANGE, at_ms=NOW_MS + 1)
    late, end = events.list_page(store, after_seq=0, limit=9)
    assert (late.kind, late.state, late.at_ms, late.run) == (EventKind.RUN_STATUS, S.RUNNING, NOW_MS, run)
    assert (end.kind, end.state, end.at_ms) == (EventKind.STATE_CHANGE, S.FAILED, NOW_MS + 1)


def test_events_are_read_from_a_place_on_up_to_a_limit(store: sqlite3.Connection) -> None:
    assert events.last_seq(store) == 0
    for number in range(5):
        events.append(store, stored_run(store, number), EventKind.STATE_CHANGE, at_ms=NOW_MS)
    first, second = events.list_page(store, after_seq=0, limit=2)
    assert [one.run.id.base[-1] for one in (first, second)] == [0, 1]
    rest = events.list_page(store, after_seq=second.seq, limit=9)
    assert [one.run.id.base[-1] for one in rest] == [2, 3, 4]
    assert events.last_seq(store) == rest[-1].seq
    assert events.list_page(store, after_seq=rest[-1].seq, limit=9) == []


def test_delays_that_nobody_was_told_of_are_those_of_live_runs_that_do_not_wait(store: sqlite3.Connection) -> None:
    late = stored_run(store, 1, notify_delay_after_min=1)
    stored_run(store, 2)
    stored_run(store, 3, notify_delay_after_min=1, state=S.WAITING)
    moved(store, stored_run(store, 4, notify_delay_after_min=1), E.LAUNCHED, E.SUCCEEDED)
    assert [run.id for run in job_runs.list_untold_delays(store)] == [late.id]
    events.append(store, late, EventKind.RUN_STATUS, at_ms=NOW_MS)
    assert job_runs.list_untold_delays(store) == []

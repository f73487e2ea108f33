"""What an older program has stored is read by this one as that one read it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.model.records import EventKind
from orchestrator.model.states import RunEvent
from orchestrator.store import events, job_runs, log_streams, migration
from tests.support.records import NOW_MS, moved, opened, run_id, stored_run

_SCHEMA_2 = 2
_RUN = """
INSERT INTO job_run (base_id, attempt, job_key, version_key, state, dpu, queuing_enabled, started_on_ms, launched_on_ms,
    last_modified_on_ms, completed_on_ms, error_message)
VALUES (?, 0, 1, 1, ?, 1.0, 0, ?, ?, ?, ?, ?)
"""
_STEPS = [
    # run, from_state, event, to_state, milliseconds after NOW_MS; the runs' steps lie between each other's
    (1, None, None, "STARTING", 0),
    (2, None, None, "WAITING", 1),
    (3, None, None, "STARTING", 2),
    (4, None, None, "STARTING", 3),
    (2, "WAITING", "ADMITTED", "STARTING", 4),
    (2, "STARTING", "LAUNCHED", "RUNNING", 5),
    (1, "STARTING", "LAUNCHED", "RUNNING", 6),
    (3, "STARTING", "STOP_REQUESTED", "STOPPING", 7),
    (3, "STOPPING", "LAUNCHED", "STOPPING", 8),
    (3, "STOPPING", "LAUNCHED", "STOPPING", 9),
    (2, "RUNNING", "FAILED", "FAILED", -50),  # the clock was set back
    (1, "RUNNING", "SUCCEEDED", "SUCCEEDED", 12),
]
_EVENTS = [(2, "run_status", "RUNNING", 10), (2, "state_change", "FAILED", 11), (1, "state_change", "SUCCEEDED", 12)]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Lend a database as the program with schema 2 left it."""
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        for number, sql in migration.migrations()[:_SCHEMA_2]:
            store.executescript(
                f"{sql} PRAGMA user_version = {number}; PRAGMA application_id = {migration.APPLICATION_ID}"
            )
        store.execute("INSERT INTO job VALUES (1, 'etl', NULL, 1, NULL, 1, 1)")
        store.execute("INSERT INTO job_version VALUES (1, 1, 1, 'pythonshell', '3.0', '{}', 1)")
        for number, state, launched, ended, problem in (
            (1, "SUCCEEDED", 6, 12, None),
            (2, "FAILED", 5, 11, "because"),
            (3, "STOPPING", 8, None, None),
            (4, "STARTING", None, None, None),
        ):
            times = [NOW_MS + number - 1, launched and NOW_MS + launched, NOW_MS + 20, ended and NOW_MS + ended]
            store.execute(_RUN, [run_id(number).base, state, *times, problem])
        step = "INSERT INTO job_run_transition (job_run_seq, from_state, event, to_state, at_ms) VALUES (?, ?, ?, ?, ?)"
        store.executemany(step, [(*rest, NOW_MS + after) for *rest, after in _STEPS])
        event = "INSERT INTO event (job_run_seq, kind, state, at_ms) VALUES (?, ?, ?, ?)"
        store.executemany(event, [(*rest, NOW_MS + after) for *rest, after in _EVENTS])
    return path


@pytest.fixture
def store(old: Path) -> Iterator[sqlite3.Connection]:
    with closing(opened(old)) as connection:
        yield connection


def test_histories_are_what_they_were(store: sqlite3.Connection) -> None:
    for number in range(1, 5):
        steps = job_runs.history(store, job_runs.get_by_seq(store, number))
        expected = [(*rest, NOW_MS + after) for run, *rest, after in _STEPS if run == number]
        assert [(one.from_state, one.event, one.to_state, one.at_ms) for one in steps] == expected
        assert [one.seq for one in steps] == list(range(1, len(steps) + 1))


def test_events_are_what_they_were_and_their_numbers_go_on(store: sqlite3.Connection) -> None:
    found = events.list_page(store, after_seq=0, limit=9)
    told = [(one.seq, one.run.seq, one.kind, one.state, one.at_ms - NOW_MS) for one in found]
    assert told == [(number, *event) for number, event in enumerate(_EVENTS, start=1)]
    events.append(store, job_runs.get_by_seq(store, 3), EventKind.STATE_CHANGE, at_ms=NOW_MS)
    assert events.last_seq(store) == len(_EVENTS) + 1


def test_launches_keep_their_order_and_places_and_new_ones_come_behind(store: sqlite3.Connection) -> None:
    """Tokens that clients hold name those places."""
    moved(store, job_runs.get_by_seq(store, 4), RunEvent.LAUNCHED)
    moved(store, stored_run(store, 9, job_name="new"), RunEvent.LAUNCHED)
    launched = log_streams.list_writing(store, after_seq=0, upto_seq=99, since_ms=0, until_ms=2**62, limit=9)
    assert [(run.seq, run.launch_seq) for run in launched] == [(2, 6), (1, 7), (3, 9), (4, 10), (5, 11)]
    assert log_streams.highest_launch(store) == 11


def test_the_database_is_whole_after_it(store: sqlite3.Connection) -> None:
    assert [tuple(row) for row in store.execute("PRAGMA integrity_check")] == [("ok",)]
    assert store.execute("PRAGMA foreign_key_check").fetchall() == []
    names = {row["name"] for row in store.execute("SELECT name FROM sqlite_master")}
    assert not [name for name in names if name.startswith("old_")]
    assert store.execute("SELECT count(*) FROM sqlite_temp_master").fetchone()[0] == 0


def test_a_kill_in_the_midst_of_it_leaves_the_old_schema(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = migration.migrations()[: _SCHEMA_2 + 1]
    steps[-1] = (steps[-1][0], steps[-1][1] + "; SELECT no_such_function();")
    monkeypatch.setattr(migration, "migrations", lambda: steps)
    with closing(sqlite3.connect(old, isolation_level=None)) as store:
        with pytest.raises(sqlite3.OperationalError, match="no_such_function"):
            migration.prepare(store, ())
        assert store.execute("PRAGMA user_version").fetchone()[0] == _SCHEMA_2
        assert store.execute("SELECT count(*) FROM job_run_transition").fetchone()[0] == len(_STEPS)

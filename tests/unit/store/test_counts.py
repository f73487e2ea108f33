"""What one look counts: live runs by state, ends behind a place, what outlets have not taken, and the room of it all."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.records import EventKind
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.store import counts, events, proof
from tests.support.records import NOW_MS, moved, opened, stored_run

S, E = JobRunState, RunEvent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    connection.execute("PRAGMA journal_mode = WAL").fetchone()
    yield connection
    connection.close()


def ended(store: sqlite3.Connection, number: int, event: RunEvent) -> None:
    run = moved(store, moved(store, stored_run(store, number), E.LAUNCHED), event)
    events.append(store, run, EventKind.STATE_CHANGE, at_ms=NOW_MS)


def test_live_runs_are_counted_by_state_and_ends_from_a_place_on(store: sqlite3.Connection) -> None:
    for number in range(3):
        stored_run(store, number)
    late = moved(store, stored_run(store, 10), E.LAUNCHED)
    events.append(store, late, EventKind.RUN_STATUS, at_ms=NOW_MS)  # no end
    ended(store, 20, E.SUCCEEDED)
    before = counts.count(store, after_seq=0)
    for number in (21, 22):
        ended(store, number, E.FAILED)
    after = counts.count(store, after_seq=before.last_seq)
    assert before.live == {S.WAITING: 0, S.STARTING: 3, S.RUNNING: 1, S.STOPPING: 0}
    assert before.ends == {S.SUCCEEDED: 1, S.FAILED: 0, S.TIMEOUT: 0, S.STOPPED: 0}
    assert after.ends == {S.SUCCEEDED: 0, S.FAILED: 2, S.TIMEOUT: 0, S.STOPPED: 0}
    assert after.last_seq == events.last_seq(store)


def test_of_an_empty_store_nothing_is_counted(store: sqlite3.Connection) -> None:
    found = counts.count(store, after_seq=0)
    assert not any((*found.live.values(), *found.ends.values(), *found.failed_tries.values(), found.last_seq))


def test_the_failed_tries_of_each_outlet_are_told(store: sqlite3.Connection) -> None:
    store.execute("INSERT INTO outlet (name, place, tries) VALUES ('hook', 1, 3), ('file', 4, 0)")
    assert counts.count(store, after_seq=0).failed_tries == {"hook": 3, "file": 0}


def test_the_room_is_that_of_the_files(store: sqlite3.Connection, tmp_path: Path) -> None:
    stored_run(store, 1)
    found = counts.room(tmp_path / "state.db")
    assert found.database_bytes == (tmp_path / "state.db").stat().st_size
    assert found.log_bytes == (tmp_path / "state.db-wal").stat().st_size
    assert found.free_bytes > 0


def test_a_proof_gives_the_disk_a_page_and_leaves_nothing(store: sqlite3.Connection, tmp_path: Path) -> None:
    stored_run(store, 1)
    proof.read(store)
    before = (tmp_path / "state.db-wal").stat().st_size
    store.execute("BEGIN IMMEDIATE")
    proof.write(store)
    store.execute("COMMIT")
    assert (tmp_path / "state.db-wal").stat().st_size > before
    assert store.execute("SELECT count(*) FROM tag").fetchone()[0] == 0

"""Each outlet has a place in the events, which moves by guarded steps."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.notices import Progress
from orchestrator.model.records import EventKind
from orchestrator.store import events, outlets
from tests.support.records import NOW_MS, opened, stored_run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def tell(store: sqlite3.Connection, *numbers: int) -> None:
    for number in numbers:
        events.append(store, stored_run(store, number), EventKind.STATE_CHANGE, at_ms=NOW_MS)


def looked(store: sqlite3.Connection, name: str, after_seq: int = 0) -> tuple[Progress, list[int]]:
    progress, page = outlets.look(store, name, after_seq=after_seq, limit=2)
    return progress, [event.seq for event in page]


def test_a_new_outlet_begins_with_what_happens_from_now_on(store: sqlite3.Connection) -> None:
    tell(store, 1, 2)
    assert not outlets.are_known(store, {"a"})
    outlets.know(store, {"a"})
    assert outlets.are_known(store, {"a"})
    assert looked(store, "a") == (Progress(place=2), [])
    tell(store, 3, 4, 5)
    assert looked(store, "a") == (Progress(place=2), [3, 4])
    assert looked(store, "a", after_seq=4) == (Progress(place=2), [5])


def test_one_that_is_known_keeps_its_place_and_one_that_is_named_no_more_goes(store: sqlite3.Connection) -> None:
    outlets.know(store, {"a", "b"})
    tell(store, 1)
    outlets.know(store, {"b", "c"})
    assert store.execute("SELECT name, place FROM outlet ORDER BY name").fetchall()[0]["name"] == "b"
    assert looked(store, "b") == (Progress(place=0), [1])
    assert looked(store, "c") == (Progress(place=1), [])
    assert not outlets.are_known(store, {"b"})
    outlets.know(store, ())
    assert outlets.are_known(store, ())


def test_a_place_moves_from_where_it_was_and_from_nowhere_else(store: sqlite3.Connection) -> None:
    tell(store, 1, 2)
    outlets.know(store, {"a"})
    store.execute("UPDATE outlet SET place = 0")
    failed = Progress(place=0, tries=3, due_ms=NOW_MS)
    outlets.move(store, "a", failed, old_place=0)
    assert looked(store, "a") == (failed, [1, 2])
    outlets.move(store, "a", Progress(place=1), old_place=0)
    outlets.move(store, "a", Progress(place=0), old_place=0)
    assert looked(store, "a") == (Progress(place=1), [2])


def test_an_event_whose_run_is_gone_is_gone_for_all_outlets(store: sqlite3.Connection) -> None:
    """Retention waits for no outlet; numbers are never used again, so no place is ahead of what comes."""
    outlets.know(store, {"a"})
    tell(store, 1, 2)
    outlets.move(store, "a", Progress(place=2), old_place=0)
    store.execute("DELETE FROM job_run")
    assert looked(store, "a") == (Progress(place=2), [])
    tell(store, 3)
    assert looked(store, "a") == (Progress(place=2), [3])

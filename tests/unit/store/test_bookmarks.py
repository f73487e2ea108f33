"""A bookmark is its versions: each is one above the last, and every version stays until the job is deleted."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model import bookmarks as rules
from orchestrator.model.records import BookmarkEntry
from orchestrator.store import bookmarks
from tests.support.records import NOW_MS, opened, run_id, stored_run


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def committed(store: sqlite3.Connection, number: int, *, job_name: str = "etl") -> BookmarkEntry:
    """Commit a bookmark by a new run."""
    run = stored_run(store, number, job_name=job_name)
    entry = rules.committed(
        bookmarks.find(store, run.job_key), job_key=run.job_key, bookmark=str(number), run_id=str(run.id), attempt=0
    )
    bookmarks.append(store, entry, cause="commit", run_seq=run.seq, at_ms=NOW_MS)
    return entry


def test_the_last_version_is_the_bookmark(store: sqlite3.Connection) -> None:
    committed(store, 1)
    last = committed(store, 2)
    committed(store, 3, job_name="other")
    assert bookmarks.find(store, last.job_key) == last


def test_a_job_that_never_committed_has_none(store: sqlite3.Connection) -> None:
    run = stored_run(store, 1)
    assert bookmarks.find(store, run.job_key) is None
    assert bookmarks.find_of_run(store, run.job_key, run.id) is None
    assert bookmarks.find_as_of(store, run.job_key, run.seq) is None


def test_a_version_is_taken_once(store: sqlite3.Connection) -> None:
    entry = committed(store, 1)
    with pytest.raises(sqlite3.IntegrityError):
        bookmarks.append(store, entry, cause="commit", run_seq=1, at_ms=NOW_MS)


def test_what_a_run_committed_is_found_even_after_a_rewind_to_it(store: sqlite3.Connection) -> None:
    first = committed(store, 1)
    second = committed(store, 2)
    bookmarks.append(store, rules.rewound(second, first), cause="rewind", run_seq=None, at_ms=NOW_MS)
    assert bookmarks.find_of_run(store, first.job_key, run_id(1)) == first


def test_the_state_as_of_a_run_is_the_last_commit_up_to_it(store: sqlite3.Connection) -> None:
    first = committed(store, 1)
    idle = stored_run(store, 2)
    last = committed(store, 3)
    bookmarks.append(store, rules.reset(last), cause="reset", run_seq=None, at_ms=NOW_MS)
    assert bookmarks.find_as_of(store, first.job_key, idle.seq) == first
    assert bookmarks.find_as_of(store, first.job_key, 99) == last
    assert bookmarks.find_as_of(store, first.job_key, 0) is None


def test_deleting_it_forgets_its_history_and_nobody_elses(store: sqlite3.Connection) -> None:
    entry, other = committed(store, 1), committed(store, 2, job_name="other")
    bookmarks.delete(store, entry.job_key)
    assert bookmarks.find(store, entry.job_key) is None
    assert bookmarks.find(store, other.job_key) == other


@pytest.mark.parametrize("change", ["version = 0", "run = -1", "attempt = -1", "cause = 'whim'", "job_key = 77"])
def test_the_schema_refuses_an_entry_that_cannot_be(store: sqlite3.Connection, change: str) -> None:
    committed(store, 1)
    with pytest.raises(sqlite3.IntegrityError):
        store.execute(f"UPDATE bookmark SET {change}")  # noqa: S608 - from the list above

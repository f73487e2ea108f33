"""The database gives room back in small parts, which lose nothing; one that cannot is written anew once."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.model.errors import StoreFullError, StoreRefusedError
from orchestrator.store import migration
from orchestrator.store.room import KEPT_PAGES, give_back, rewrite, surplus_pages
from tests.support.records import opened, stored_run

FREED = 4 * KEPT_PAGES


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a database with a run, and many free pages before it and behind it."""
    path = tmp_path / "state.db"
    fill(path)
    return path


def fill(path: Path) -> None:
    with closing(opened(path)) as store:
        store.execute("CREATE TABLE filler (content BLOB)")
        for _ in range(2):
            store.execute("INSERT INTO filler VALUES (zeroblob(?))", (FREED // 2 * 4096,))
            stored_run(store, store.execute("SELECT count(*) FROM job_run").fetchone()[0] + 1)
        store.execute("DROP TABLE filler")


@pytest.fixture
def store(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def pragma(store: sqlite3.Connection, name: str) -> Any:
    return store.execute(f"PRAGMA {name}").fetchone()[0]


def rows(store: sqlite3.Connection) -> list[Any]:
    return [list(store.execute(f"SELECT * FROM {table} ORDER BY 1")) for table in ("job", "job_run", "job_version")]  # noqa: S608


def test_a_new_database_can_give_pages_back(store: sqlite3.Connection) -> None:
    assert pragma(store, "auto_vacuum") == 2


def test_pages_go_back_some_at_a_time_until_what_is_soon_used_again_is_left(store: sqlite3.Connection) -> None:
    before, pages = rows(store), pragma(store, "page_count")
    surplus = surplus_pages(store)
    assert surplus == pragma(store, "freelist_count") - KEPT_PAGES >= FREED - KEPT_PAGES

    freed, left = [], surplus
    while left:
        free = pragma(store, "freelist_count")
        store.execute("BEGIN IMMEDIATE")
        left = give_back(store, limit=100)
        store.execute("COMMIT")
        freed.append(free - pragma(store, "freelist_count"))

    assert set(freed[:-1]) <= {100, 101}  # a page that lists others may go with them
    assert sum(freed) == surplus
    assert pragma(store, "freelist_count") == KEPT_PAGES
    assert pages - surplus - 3 <= pragma(store, "page_count") <= pages - surplus
    assert rows(store) == before
    assert pragma(store, "integrity_check") == "ok"
    assert give_back(store, limit=100) == 0


def test_an_eighth_of_what_is_used_is_kept(store: sqlite3.Connection) -> None:
    store.execute("CREATE TABLE kept (content BLOB)")
    store.execute("INSERT INTO kept VALUES (zeroblob(?))", (20 * FREED * 4096,))
    store.execute("CREATE TABLE filler (content BLOB)")
    store.execute("INSERT INTO filler VALUES (zeroblob(?))", (5 * FREED * 4096,))
    store.execute("DROP TABLE filler")
    free, pages = pragma(store, "freelist_count"), pragma(store, "page_count")

    assert surplus_pages(store) == free - (pages - free) // 8


def an_old_one(path: Path) -> None:
    """Make the database one that was made before pages could go back."""
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        for statement in ("PRAGMA auto_vacuum = NONE", "VACUUM"):
            store.execute(statement)
    fill(path)


def test_an_old_database_is_written_anew_once_and_gives_pages_back_from_then_on(path: Path) -> None:
    an_old_one(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        assert (pragma(store, "auto_vacuum"), surplus_pages(store)) == (0, 0)
        assert give_back(store, limit=100) == 0
        before = rows(store)

    done = rewrite(path)

    assert done.after_bytes == path.stat().st_size < done.before_bytes / 2
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        assert (pragma(store, "auto_vacuum"), pragma(store, "freelist_count")) == (2, 0)
        assert pragma(store, "user_version") == migration.migrations()[-1][0]
        assert pragma(store, "application_id") == migration.APPLICATION_ID
        assert rows(store) == before


def test_without_room_for_a_copy_nothing_is_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = path.read_bytes()
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=len(before)))

    with pytest.raises(StoreFullError, match="takes up to"):
        rewrite(path)

    assert path.read_bytes() == before


def test_what_is_not_ours_is_not_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE theirs (a)")
    before = path.read_bytes()

    with pytest.raises(StoreRefusedError):
        rewrite(path)

    assert path.read_bytes() == before

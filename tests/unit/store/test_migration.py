"""A database of any released schema is brought up to date; one that is not ours, or newer than us, is left alone."""

import re
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Final

import pytest

from orchestrator.model.errors import StoreRefusedError
from orchestrator.store import migration
from tests.support.records import opened

FILES: Final = resources.files("orchestrator.store")


def schema_of(connection: sqlite3.Connection) -> dict[str, str]:
    """Return the definitions by name, without comments and with single spaces."""
    rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {name: " ".join(re.sub(r"--.*", "", sql).split()) for name, sql in rows}


def test_the_schema_that_people_read_is_the_one_that_the_migrations_make(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "state.db")) as migrated, closing(sqlite3.connect(":memory:")) as shown:
        shown.executescript((FILES / "schema.sql").read_text(encoding="utf-8"))
        assert schema_of(migrated) == schema_of(shown)


def test_every_migration_is_named_by_its_number_and_counts_on() -> None:
    names = sorted(path.name for path in (FILES / "migrations").iterdir() if path.name != "__pycache__")
    assert all(re.fullmatch(r"\d{4}_[a-z0-9_]+\.sql", name) for name in names)
    assert [number for number, _ in migration.migrations()] == list(range(1, len(names) + 1))


def test_every_table_is_strict(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "state.db")) as store:
        lax = store.execute("SELECT name FROM pragma_table_list WHERE type = 'table' AND strict = 0").fetchall()
    assert {row["name"] for row in lax if not row["name"].startswith("sqlite_")} == set()


def test_a_new_database_is_marked_as_ours_with_the_newest_number(tmp_path: Path) -> None:
    with closing(opened(tmp_path / "state.db")) as store:
        assert store.execute("PRAGMA application_id").fetchone()[0] == migration.APPLICATION_ID
        assert store.execute("PRAGMA user_version").fetchone()[0] == migration.migrations()[-1][0]


def test_opening_it_again_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    opened(path).close()
    before = path.read_bytes()
    opened(path).close()
    assert path.read_bytes() == before


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(opened(path)) as store:
        store.execute("PRAGMA user_version = 999")
    before = path.read_bytes()
    with pytest.raises(StoreRefusedError, match="schema 999, newer than the"):
        _prepare(path)
    assert path.read_bytes() == before


def test_a_foreign_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as foreign:
        foreign.execute("CREATE TABLE job (name TEXT)")
    before = path.read_bytes()
    with pytest.raises(StoreRefusedError, match="was not made by this program"):
        _prepare(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"this is no database, and long enough to be seen as none" * 20, b"x" * 5000])
def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)
    with pytest.raises(StoreRefusedError, match="is damaged"):
        _prepare(path)
    assert path.read_bytes() == content


def test_a_migration_that_fails_leaves_nothing_of_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [
        (1, "CREATE TABLE one (a INTEGER) STRICT;"),
        (2, "CREATE TABLE two (a INTEGER) STRICT; CREATE TABLE one (a);"),
    ]
    monkeypatch.setattr(migration, "migrations", lambda: steps)
    path = tmp_path / "state.db"
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        _prepare(path)
    with closing(sqlite3.connect(path)) as store:
        assert set(schema_of(store)) == {"one"}
        assert store.execute("PRAGMA user_version").fetchone()[0] == 1


def test_only_what_is_missing_is_applied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = [(1, "CREATE TABLE one (a INTEGER) STRICT;")]
    monkeypatch.setattr(migration, "migrations", lambda: steps)
    _prepare(tmp_path / "state.db")
    steps.append((2, "CREATE TABLE two (a INTEGER) STRICT;"))
    _prepare(tmp_path / "state.db")
    with closing(sqlite3.connect(tmp_path / "state.db")) as store:
        assert set(schema_of(store)) == {"one", "two"}


def _prepare(path: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migration.prepare(connection, ())

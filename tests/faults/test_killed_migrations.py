"""A daemon that is killed while it brings a database to a newer schema leaves the old one or the new one, never half.

The database is one that an older version has left (tests/golden). The kill comes at a point, or at a flush or a write of
the disk in the midst of the migration's transaction.
"""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from orchestrator.store import migration
from tests.golden.make import HERE
from tests.support.daemon import ROOT

_MIGRATE: Final = """
import sqlite3, sys
from orchestrator.store import migration
from orchestrator.store.database import _WRITER_PRAGMAS
migration.prepare(sqlite3.connect(sys.argv[1], isolation_level=None), _WRITER_PRAGMAS)
"""
_OLD: Final = 1
_NEWEST: Final = migration.migrations()[-1][0]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Lend a database of the first schema."""
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as store:
        store.executescript((HERE / str(_OLD) / "state.sql").read_text())
    return path


def migrate(path: Path, *prefix: str, crash_at: str = "") -> int:
    """Bring the database up to date in another process; return its exit code."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "ORCHESTRATOR_CRASH_AT": crash_at}
    argv = [*prefix, sys.executable, "-c", _MIGRATE, str(path)]
    return subprocess.run(argv, env=environment, check=False, timeout=60).returncode


def check_whole(path: Path) -> int:
    """Hold that the schema is one of ours and that nothing is lost; return its number, and bring it up to date."""
    with closing(sqlite3.connect(path)) as store:
        (number,) = store.execute("PRAGMA user_version").fetchone()
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        tables = {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert not [name for name in tables if name.startswith("old_")]
        assert tables_of(number) <= tables
        assert store.execute("SELECT count(*) FROM job_run").fetchone() == (7,)
        assert store.execute("SELECT count(*) FROM job_run_transition").fetchone() == (16,)
    with closing(sqlite3.connect(path, isolation_level=None)) as store:
        migration.prepare(store, ())
        assert store.execute("PRAGMA user_version").fetchone() == (_NEWEST,)
        assert store.execute("SELECT count(*) FROM job_run_transition").fetchone() == (16,)
    return int(number)


def tables_of(number: int) -> set[str]:
    """Return the tables that a fresh database of a schema has."""
    with closing(sqlite3.connect(":memory:")) as store:
        for step, sql in migration.migrations():
            if step <= number:
                store.executescript(sql)
        return {name for (name,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.mark.parametrize("crash_at", [f"migrate.{phase}:{n}" for phase in ("begun", "committed") for n in (1, 2)])
def test_a_kill_between_two_migrations_leaves_what_was_committed(old: Path, crash_at: str) -> None:
    assert migrate(old, crash_at=crash_at) == -signal.SIGKILL
    phase, _, number = crash_at.partition(":")
    assert check_whole(old) == _OLD + int(number) - (phase == "migrate.begun")


@pytest.mark.crash_full
@pytest.mark.timeout(150)
def test_a_kill_at_the_flushes_and_among_the_writes_of_a_migration_leaves_the_old_schema_or_the_new_one(
    old: Path, tmp_path: Path
) -> None:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("NOT TESTED: a kill amid a migration. strace is missing (make test-deps)")
    left = set()
    for call, every in (("fdatasync", 1), ("pwrite64", 13)):
        for number in range(1, 1000, every):
            path = tmp_path / "again.db"
            for suffix in ("", "-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            shutil.copy(old, path)
            kill = f"inject={call}:signal=SIGKILL:when={number}"
            code = migrate(path, strace, "-f", "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", kill)
            left.add(check_whole(path))
            if code == 0:  # there is no such call any more
                break
        assert number > every, f"no kill at {call}"
    assert left >= {_OLD, _NEWEST}

"""A damaged place in the log is told from the tail that a power cut leaves: only the first hides what was on disk."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from orchestrator.model.errors import StoreDamagedError
from orchestrator.store import wal

HEADER: Final = 32
FRAME: Final = 24 + 4096
COMMITS: Final = 6


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection that has made some commits since the log began."""
    with closing(sqlite3.connect(tmp_path / "live.db", isolation_level=None)) as connection:
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0", "cache_size = 5"):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)")
        for number in range(COMMITS):
            connection.execute("INSERT INTO t VALUES (?, ?)", (number, bytes(5000)))
        yield connection


def as_found(tmp_path: Path, log: bytes | None = None) -> Path:
    """Return the database as a kill leaves it, with the log as it is, or as given."""
    found = tmp_path / "found"
    shutil.rmtree(found, ignore_errors=True)
    found.mkdir()
    shutil.copy(tmp_path / "live.db", found / "state.db")
    (found / "state.db-wal").write_bytes(log_of(tmp_path) if log is None else log)
    return found / "state.db"


def log_of(tmp_path: Path) -> bytes:
    return (tmp_path / "live.db-wal").read_bytes()


def with_flip(log: bytes, place: int) -> bytes:
    return log[:place] + bytes([log[place] ^ 0xFF]) + log[place + 1 :]


def commits(log: bytes) -> list[int]:
    """Return the numbers of the frames that end a transaction."""
    starts = range(HEADER, len(log), FRAME)
    return [number for number, start in enumerate(starts) if int.from_bytes(log[start + 4 : start + 8], "big")]


@pytest.mark.usefixtures("writer")
def test_what_is_whole_and_what_is_not_there_is_passed(tmp_path: Path) -> None:
    wal.check(as_found(tmp_path))
    wal.check(as_found(tmp_path, b""))
    wal.check(tmp_path / "nothing.db")
    assert not (tmp_path / "nothing.db").exists()


@pytest.mark.usefixtures("writer")
def test_any_damage_before_the_last_two_commits_is_refused_and_nothing_is_changed(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    *_, before_last, _ = commits(log)
    assert before_last > COMMITS
    for frame in range(before_last):
        for offset in (0, 8, 16, 24, FRAME - 1):
            damaged = with_flip(log, HEADER + frame * FRAME + offset)
            found = as_found(tmp_path, damaged)
            with pytest.raises(StoreDamagedError, match=r"its log has a damaged place behind frame \d+, and commits"):
                wal.check(found)
            assert found.with_name("state.db-wal").read_bytes() == damaged


@pytest.mark.usefixtures("writer")
def test_a_tail_that_a_power_cut_has_torn_is_passed(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    *_, before_last, last = commits(log)
    for end in range(HEADER, len(log), 500):
        wal.check(as_found(tmp_path, log[:end]))
    for frame in range(before_last + 1, last + 1):
        torn = with_flip(log, HEADER + frame * FRAME + 100)
        wal.check(as_found(tmp_path, torn))


@pytest.mark.usefixtures("writer")
def test_a_header_that_is_damaged_is_refused(tmp_path: Path) -> None:
    log = log_of(tmp_path)
    for place in range(HEADER):
        with pytest.raises(StoreDamagedError, match="the head of its log cannot be read"):
            wal.check(as_found(tmp_path, with_flip(log, place)))


def test_what_an_earlier_round_of_the_log_has_left_is_passed(tmp_path: Path, writer: sqlite3.Connection) -> None:
    assert writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
    size = len(log_of(tmp_path))
    writer.execute("INSERT INTO t VALUES (100, NULL)")
    assert len(log_of(tmp_path)) == size, "the new round has overwritten the beginning of the old one"
    wal.check(as_found(tmp_path))


def test_what_a_transaction_that_was_undone_has_left_is_passed(tmp_path: Path, writer: sqlite3.Connection) -> None:
    """One that outgrows the cache writes to the log before its commit."""
    size = len(log_of(tmp_path))
    writer.execute("BEGIN")
    writer.execute("UPDATE t SET b = randomblob(20000)")
    writer.execute("ROLLBACK")
    assert len(log_of(tmp_path)) > size
    wal.check(as_found(tmp_path))
    writer.execute("INSERT INTO t VALUES (100, NULL)")
    wal.check(as_found(tmp_path))

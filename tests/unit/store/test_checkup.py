"""An examination tells what is amiss with the state directory and its database, and leaves both as they are."""

import os
import shutil
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace

import pytest

from orchestrator.model.findings import Finding, Verdict
from orchestrator.store import checkup
from orchestrator.store.checkup import check_database, check_directory, check_library, check_room, holder
from orchestrator.store.state_directory import hold
from tests.support.records import NOW_MS, opened, stored_run


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    path = tmp_path / "state"
    with hold(path) as held, closing(opened(held.database)) as store:
        stored_run(store, 1)
        store.execute("PRAGMA journal_mode = WAL")  # as a daemon leaves it
    (path / "state.db").chmod(0o600)
    return path


def verdicts(findings: Iterable[Finding]) -> list[tuple[str, Verdict]]:
    return [(one.check, one.verdict) for one in findings]


def test_a_directory_of_its_owner_alone_is_as_it_should_be(state_dir: Path) -> None:
    assert verdicts(check_directory(state_dir)) == [("state directory", Verdict.OK)]


def test_a_directory_of_something_else_is_named_and_nothing_is_advised_to_change_it(tmp_path: Path) -> None:
    (tmp_path / "dpkg").mkdir()
    tmp_path.chmod(0o755)

    (found,) = check_directory(tmp_path)

    assert found.verdict is Verdict.FAIL
    assert "holds no state of an orchestrator" in found.told
    assert "chmod" not in str(found.remedy)


def test_directories_that_scripts_of_other_users_pass_through_are_as_they_should_be(state_dir: Path) -> None:
    (state_dir / "runs").mkdir()
    for path in (state_dir, state_dir / "runs"):
        path.chmod(0o711)  # as the first run of another user leaves them

    assert verdicts(check_directory(state_dir)) == [("state directory", Verdict.OK)]


@pytest.mark.parametrize("name", [".", "state.db", "daemon.lock"])
def test_what_others_can_open_is_named_with_the_command_that_helps(state_dir: Path, name: str) -> None:
    (state_dir / name).chmod(0o740)

    (found,) = check_directory(state_dir)

    assert (found.verdict, found.remedy) == (Verdict.FAIL, f"chmod go= {state_dir / name}")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_is_not_its_owners_is_named(state_dir: Path) -> None:
    os.chown(state_dir / "state.db", 12345, 12345)
    (found,) = check_directory(state_dir)
    assert (found.verdict, found.remedy) == (Verdict.FAIL, f"chown 0 {state_dir / 'state.db'}")


def test_a_directory_of_somebody_else_is_not_examined_as_ones_own(
    state_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = state_dir.stat().st_uid
    monkeypatch.setattr(os, "geteuid", lambda: owner + 1)
    assert verdicts(check_directory(state_dir)) == [("state directory", Verdict.FAIL), ("state directory", Verdict.OK)]


@pytest.mark.parametrize(("free", "verdict"), [(2**31, Verdict.OK), (2**29, Verdict.WARN), (2**20, Verdict.FAIL)])
def test_little_room_is_a_warning_and_next_to_none_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    assert check_room(tmp_path).verdict is verdict


@pytest.mark.parametrize(("version", "verdict"), [((3, 51, 2), Verdict.WARN), ((3, 51, 3), Verdict.OK)])
def test_an_sqlite_with_the_bug_of_two_writers_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, version: tuple[int, int, int], verdict: Verdict
) -> None:
    monkeypatch.setattr(sqlite3, "sqlite_version_info", version)
    assert check_library().verdict is verdict


def examine(state_dir: Path, *, now_ms: int = NOW_MS, within_s: float = 10) -> list[Finding]:
    return list(check_database(state_dir / "state.db", now_ms=now_ms, within_s=within_s))


def test_a_whole_database_is_told_with_its_schema_and_no_file_is_left(state_dir: Path) -> None:
    before = sorted(path.name for path in state_dir.iterdir())

    found = examine(state_dir)

    assert verdicts(found) == [("database", Verdict.OK), ("clock", Verdict.OK)]
    assert found[0].told.startswith("schema ")
    assert sorted(path.name for path in state_dir.iterdir()) == before


def test_what_is_in_the_log_is_looked_at_too(state_dir: Path) -> None:
    with closing(sqlite3.connect(state_dir / "state.db", isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("UPDATE job_run SET started_on_ms = started_on_ms + 3600000")
        found = examine(state_dir)
    assert verdicts(found) == [("database", Verdict.OK), ("clock", Verdict.FAIL)]
    assert found[1].told == "3600 s before the newest that is stored"


def test_a_damaged_database_is_a_failure_with_the_command_that_helps(state_dir: Path) -> None:
    path = state_dir / "state.db"
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(os.urandom(path.stat().st_size - 8192))

    found = examine(state_dir)

    assert (found[0].verdict, found[0].remedy) == (
        Verdict.FAIL,
        "restore a backup: orchestrator restore FILE",
    )


def test_a_database_that_is_not_consistent_is_a_failure(state_dir: Path) -> None:
    with (state_dir / "state.db").open("r+b") as file:
        file.seek(36)  # how many pages are free
        file.write((7).to_bytes(4, "big"))

    found = examine(state_dir)

    assert verdicts(found) == [("database", Verdict.FAIL), ("clock", Verdict.OK)]
    assert "damaged: " in found[0].told


def test_a_newer_database_is_a_failure_and_an_older_one_is_not(state_dir: Path) -> None:
    with closing(sqlite3.connect(state_dir / "state.db", isolation_level=None)) as store:
        store.execute("PRAGMA user_version = 999")
        assert verdicts(examine(state_dir)) == [("database", Verdict.FAIL)]
        store.execute("PRAGMA user_version = 1")
        assert verdicts(examine(state_dir)) == [("database", Verdict.OK), ("clock", Verdict.OK)]


def test_a_look_through_a_large_database_ends_in_time(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "_INSTRUCTIONS", 1)

    found = examine(state_dir, within_s=-1)

    assert (found[0].verdict, found[0].told.endswith("too large to be checked within -1 s")) == (Verdict.WARN, True)


def test_no_database_is_no_failure(tmp_path: Path) -> None:
    assert verdicts(examine(tmp_path)) == [("database", Verdict.WARN)]
    assert verdicts(check_directory(tmp_path / "nowhere")) == [("state directory", Verdict.WARN)]


def test_who_holds_it_is_told_and_nobody_is_kept_from_it(state_dir: Path) -> None:
    assert holder(state_dir) is None
    with hold(state_dir):
        assert holder(state_dir) == f"process {os.getpid()}"
    assert holder(state_dir / "nowhere") is None

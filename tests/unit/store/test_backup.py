"""A copy that is not whole and ours is neither kept as a backup nor put in the place of a database."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.model.errors import StoreError, StoreRefusedError
from orchestrator.model.states import RunEvent
from orchestrator.store import backup
from orchestrator.store.backup import Copy, back_up, look_through
from orchestrator.store.state_directory import StateDirectory, hold
from orchestrator.supervisor.restoring import restore
from tests.support import disks
from tests.support.records import moved, opened, stored_run


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[StateDirectory]:
    with hold(tmp_path / "state") as held:
        with closing(opened(held.database)) as store:
            run = stored_run(store, 1)
            moved(store, run, RunEvent.LAUNCHED, RunEvent.SUCCEEDED)
        yield held


@pytest.fixture
def copy(directory: StateDirectory, tmp_path: Path) -> Path:
    return back_up(directory.database, tmp_path / "copy.db").path


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file() and "-shm" not in path.name}


def damage(path: Path) -> None:
    """Overwrite all of a database but its first page."""
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(os.urandom(path.stat().st_size - 4096))


def spoil(path: Path, how: str) -> None:
    """Make a database one that cannot be used."""
    if how in {"newer", "foreign", "orphaned", "inconsistent"}:
        with closing(sqlite3.connect(path, isolation_level=None)) as store:
            if how == "orphaned":
                store.execute("PRAGMA foreign_keys = OFF")
                store.execute("DELETE FROM job")
            elif how == "inconsistent":
                store.execute("PRAGMA ignore_check_constraints = ON")
                store.execute("UPDATE job_run SET state = 'nonsense'")
            else:
                store.execute("PRAGMA user_version = 999" if how == "newer" else "PRAGMA application_id = 1")
    elif how == "torn":
        os.truncate(path, path.stat().st_size // 2)
    elif how == "damaged":
        damage(path)
    elif how == "gone":
        path.unlink()
    else:
        path.write_bytes({"empty": b"", "text": b"this is no database, and longer than a header" * 50}[how])


SPOILED = ["newer", "foreign", "orphaned", "inconsistent", "torn", "damaged", "empty", "text", "gone"]


@pytest.mark.parametrize("how", SPOILED)
def test_a_file_that_cannot_be_used_is_not_restored(directory: StateDirectory, copy: Path, how: str) -> None:
    spoil(copy, how)
    before = files(directory.path)

    with pytest.raises(StoreRefusedError, match=rf"^{copy} ") as refused:
        restore(directory, copy, "now")
    assert "restor" not in str(refused.value)

    assert files(directory.path) == before


@pytest.mark.parametrize("how", SPOILED)
def test_a_database_that_cannot_be_used_replaces_no_backup(
    directory: StateDirectory, copy: Path, tmp_path: Path, how: str
) -> None:
    good = copy.read_bytes()
    spoil(directory.database, how)

    with pytest.raises(StoreRefusedError, match=rf"^{directory.database} "):
        back_up(directory.database, copy, replaces=True)

    assert files(tmp_path) == {"copy.db": good}


def test_a_backup_appears_for_its_owner_alone_and_replaces_nothing_unasked(
    directory: StateDirectory, copy: Path
) -> None:
    assert copy.stat().st_mode & 0o777 == 0o600
    before = copy.read_bytes()

    with pytest.raises(FileExistsError):
        back_up(directory.database, copy)

    assert copy.read_bytes() == before


def test_a_file_that_somebody_makes_meanwhile_is_not_replaced(
    directory: StateDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_and_be_overtaken(path: Path, *, called: Path) -> Copy:
        (tmp_path / "copy.db").write_text("precious")
        return look_through(path, called=called)

    monkeypatch.setattr(backup, "look_through", look_and_be_overtaken)

    with pytest.raises(FileExistsError):
        back_up(directory.database, tmp_path / "copy.db")

    assert files(tmp_path) == {"copy.db": b"precious"}


@pytest.mark.parametrize("name", ["state.db", "state.db-wal", "state.db.old", "daemon.lock", "runs/claim"])
def test_a_backup_replaces_nothing_of_the_state_directory(directory: StateDirectory, name: str) -> None:
    directory.runs.mkdir()
    before = files(directory.path)

    with pytest.raises(StoreRefusedError, match="is in the state directory"):
        back_up(directory.database, directory.path / name, replaces=True)

    assert files(directory.path) == before


@pytest.mark.parametrize("replaces", [True, False])
def test_a_pipe_is_not_replaced(directory: StateDirectory, tmp_path: Path, *, replaces: bool) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(StoreRefusedError, match=r"/pipe is a named pipe, which a backup does not replace"):
        back_up(directory.database, tmp_path / "pipe", replaces=replaces)

    assert (tmp_path / "pipe").is_fifo()
    assert files(tmp_path) == {}


@pytest.mark.parametrize("name", ["copy.db", "nowhere.db"])
@pytest.mark.parametrize("replaces", [True, False])
def test_a_link_is_not_replaced_nor_what_it_leads_to(
    directory: StateDirectory, copy: Path, name: str, *, replaces: bool
) -> None:
    link, before = copy.with_name("link"), copy.stat()
    link.symlink_to(name)

    with pytest.raises(
        StoreRefusedError, match=rf"/link is a symbolic link; name the file that it leads to, {copy.parent / name}$"
    ):
        back_up(directory.database, link, replaces=replaces)

    assert str(link.readlink()) == name
    assert copy.stat().st_ino == before.st_ino


def test_a_folder_that_takes_no_file_is_named(directory: StateDirectory, tmp_path: Path) -> None:
    target = tmp_path / "nowhere" / "copy.db"
    with pytest.raises(StoreError, match=rf"^{target}: No such file or directory"):
        back_up(directory.database, target)


def test_a_full_disk_is_that_of_the_copy(directory: StateDirectory, copy: Path, tmp_path: Path) -> None:
    with disks.small_disk(tmp_path) as disk, hold(disk / "other", may_lack_database=True) as other, disks.full(disk):
        with pytest.raises(StoreError, match=rf"^{disk}/copy.db: "):
            back_up(directory.database, disk / "copy.db")
        with pytest.raises(StoreError, match=rf"^{other.path}: "):
            restore(other, copy, "now")
        assert sorted(path.name for path in other.path.iterdir()) == ["daemon.lock"]


def test_a_restored_database_is_the_backup_and_the_replaced_one_is_kept_with_its_log(
    directory: StateDirectory, copy: Path
) -> None:
    writer = sqlite3.connect(directory.database, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("UPDATE job SET name = 'renamed'")
    log = Path(f"{directory.database}-wal").read_bytes()
    assert log

    restored = restore(directory, copy, "now")

    assert restored.kept == directory.path / "state.db.before-restore-now"
    assert Path(f"{restored.kept}-wal").read_bytes() == log
    with closing(sqlite3.connect(directory.database)) as store:
        assert store.execute("SELECT name FROM job").fetchall() == [("etl",)]
    assert directory.database.stat().st_mode & 0o777 == 0o600
    writer.close()
    with closing(sqlite3.connect(restored.kept)) as store:
        assert store.execute("SELECT name FROM job").fetchall() == [("renamed",)]


def test_a_backup_of_an_older_schema_is_brought_up_to_date(directory: StateDirectory, tmp_path: Path) -> None:
    from orchestrator.store import migration  # noqa: PLC0415 - its list is cut short here

    old = tmp_path / "old.db"
    first = migration.migrations()[:1]
    with pytest.MonkeyPatch.context() as patch, closing(sqlite3.connect(old, isolation_level=None)) as store:
        patch.setattr(migration, "migrations", lambda: first)
        migration.prepare(store, ())

    assert restore(directory, old, "now").copy.schema == 1

    with closing(sqlite3.connect(directory.database)) as store:
        assert store.execute("PRAGMA user_version").fetchone() == (migration.migrations()[-1][0],)


def test_a_restore_into_an_empty_directory_keeps_nothing(copy: Path, tmp_path: Path) -> None:
    with hold(tmp_path / "other", may_lack_database=True) as empty:
        restored = restore(empty, copy, "now")

        assert (restored.kept, restored.live, restored.unknown) == (None, 0, [])
        assert empty.database.exists()

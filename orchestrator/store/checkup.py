"""The state directory and its database, looked at by somebody who changes nothing, while a daemon may run."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Final

from orchestrator.model.errors import ForeignDirectoryError, StoreError, UnusableFileError
from orchestrator.model.findings import Finding, Verdict
from orchestrator.store import migration
from orchestrator.store.backup import translated
from orchestrator.store.database_files import check_files
from orchestrator.store.state_directory import PASSABLE, is_foreign

NEWEST_INSTANT: Final = """
SELECT max(
    coalesce((SELECT started_on_ms FROM job_run WHERE seq = (SELECT max(seq) FROM job_run)), 0),
    coalesce((SELECT at_ms FROM event WHERE seq = (SELECT max(seq) FROM event)), 0)
)
"""
_RESTORE: Final = "restore a backup: orchestrator restore FILE"
_QUICK_CHECK: Final = "PRAGMA quick_check(3)"
_MENDED: Final = (3, 51, 3)
_LITTLE_BYTES: Final = 1024**3
_NEXT_TO_NOTHING_BYTES: Final = 64 * 1024**2
_OTHERS: Final = 0o077
_INSTRUCTIONS: Final = 100_000  # of SQLite, between two looks at the time
_AHEAD_MS: Final = 1000


def holder(state_dir: Path) -> str | None:
    """Say which process holds the state directory, as its lock file names it; None where none does."""
    try:
        descriptor = os.open(state_dir / "daemon.lock", os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.read(descriptor, 100).decode("ascii", "replace").strip() or "another process"
    finally:
        os.close(descriptor)
    return None


def may_look_into(state_dir: Path) -> bool:
    """Say whether this user can see what is in the state directory; in one that is not there, there is nothing to see."""
    try:
        state_dir.stat()
    except PermissionError:
        return False
    except OSError:
        return True
    return os.access(state_dir, os.R_OK | os.X_OK, effective_ids=True)


def check_directory(state_dir: Path) -> Iterator[Finding]:
    """Look at who may do what in the state directory."""
    name = "state directory"
    if not may_look_into(state_dir):
        told = f"user {os.geteuid()} may not look into {state_dir}"
        yield Finding(name, Verdict.FAIL, told, "run this as the daemon's user or as root")
        return
    if not state_dir.is_dir():
        yield Finding(name, Verdict.WARN, f"{state_dir} is not there", "the first start of a daemon makes it")
        return
    if is_foreign(state_dir):
        told = str(ForeignDirectoryError(str(state_dir)))
        yield Finding(name, Verdict.FAIL, told, "name another: --state-dir, --config")
        return
    status = state_dir.stat()
    if status.st_uid != os.geteuid():
        user = f"user {status.st_uid}"
        yield Finding(
            name,
            Verdict.WARN if os.geteuid() == 0 else Verdict.FAIL,
            f"{state_dir} belongs to {user}, and this is user {os.geteuid()}",
            f"run this as {user}",
        )
    open_to_others = [
        path
        for path, allowed in (
            *((path, PASSABLE) for path in (state_dir, state_dir / "runs")),
            *((path, 0) for path in (*state_dir.glob("state.db*"), state_dir / "daemon.lock")),
        )
        if path.exists() and path.lstat().st_mode & _OTHERS not in (0, allowed)
    ]
    for path in open_to_others:
        yield Finding(
            name, Verdict.FAIL, f"{path} is open to others (mode {path.stat().st_mode & 0o777:o})", f"chmod go= {path}"
        )
    foreign = [path for path in state_dir.iterdir() if path.lstat().st_uid != status.st_uid]
    for path in foreign:
        yield Finding(name, Verdict.FAIL, f"{path} is not its owner's", f"chown {status.st_uid} {path}")
    if not open_to_others and not foreign:
        yield Finding(name, Verdict.OK, f"{state_dir} is its owner's alone")


def check_room(state_dir: Path) -> Finding:
    """Look at the room that is left on the disk."""
    free, disk = shutil.disk_usage(state_dir).free, os.statvfs(state_dir)
    told = f"{free / 1024**3:.1f} GiB are free" if free >= _LITTLE_BYTES else f"{free / 1024**2:.0f} MiB are free"
    if disk.f_files and not disk.f_favail:
        return Finding(
            "disk", Verdict.FAIL, f"{told}, and no inode is: no file can be made", "delete files on that disk"
        )
    if free >= _LITTLE_BYTES:
        return Finding("disk", Verdict.OK, told)
    verdict = Verdict.WARN if free >= _NEXT_TO_NOTHING_BYTES else Verdict.FAIL
    return Finding("disk", verdict, told, "make room; [retention] bounds what is kept")


def check_library() -> Finding:
    """Look at the SQLite that this interpreter has."""
    told = f"SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info >= _MENDED:
        return Finding("sqlite", Verdict.OK, told)
    return Finding(
        "sqlite",
        Verdict.WARN,
        f"{told}: two writers could damage a log when it is begun anew; a daemon is the only writer, so it cannot happen here",
        "nobody else may write to state.db; SQLite 3.51.3 has it mended",
    )


def check_database(path: Path, *, now_ms: int, within_s: float) -> Iterator[Finding]:
    """Look through the database, for `within_s` seconds at most."""
    name = "database"
    try:
        if path.parent.exists():
            check_files(path, writes=True)
        if not path.exists():
            yield Finding(name, Verdict.WARN, f"{path} is not there", "the first start of a daemon makes it")
            return
        with opened_quietly(path) as store:
            schema, newest = migration.schema_of(store), migration.migrations()[-1][0]
            newer = (
                f"schema {schema}"
                if schema == newest
                else f"schema {schema}, before {newest}: the next start adds to it"
            )
            yield _whole(store, newer, within_s)
            yield _clock(store, now_ms) if schema == newest else Finding("clock", Verdict.OK, "not compared")
    except UnusableFileError as error:
        yield Finding(name, Verdict.FAIL, error.told, error.remedy)
    except StoreError as error:
        yield Finding(name, Verdict.FAIL, str(error), _RESTORE)


def _whole(store: sqlite3.Connection, told: str, within_s: float) -> Finding:
    until = monotonic() + within_s
    store.set_progress_handler(lambda: monotonic() > until, _INSTRUCTIONS)
    try:
        problems = [str(row[0]) for row in store.execute(_QUICK_CHECK)]
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_INTERRUPT:
            raise
        hint = "a backup checks all of it"
        return Finding("database", Verdict.WARN, f"{told}; too large to be checked within {within_s:g} s", hint)
    finally:
        store.set_progress_handler(None, 0)
    if problems != ["ok"]:
        return Finding("database", Verdict.FAIL, f"{told}; damaged: {'; '.join(problems)}", _RESTORE)
    return Finding("database", Verdict.OK, f"{told}; whole")


def _clock(store: sqlite3.Connection, now_ms: int) -> Finding:
    ahead_ms = store.execute(NEWEST_INSTANT).fetchone()[0] - now_ms
    if ahead_ms <= _AHEAD_MS:
        return Finding("clock", Verdict.OK, "later than all that is stored")
    told = f"{ahead_ms / 1000:.0f} s before the newest that is stored"
    return Finding("clock", Verdict.FAIL, told, "set it; until then schedules and retention go by a wrong time")


@contextmanager
def opened_quietly(path: Path) -> Iterator[sqlite3.Connection]:
    """Lend a connection that leaves no file behind: without a log nobody writes, and none is made.

    Raises:
        UnusableFileError: it is no file, or may not be read.
        StoreError: it cannot be read.
    """
    check_files(path, writes=False)
    is_written = Path(f"{path}-wal").exists()
    uri = f"{path.resolve().as_uri()}?mode=ro{'' if is_written else '&immutable=1'}"
    with translated(path):
        store = sqlite3.connect(uri, uri=True, isolation_level=None)
        try:
            store.row_factory = sqlite3.Row
            yield store
        finally:
            store.close()

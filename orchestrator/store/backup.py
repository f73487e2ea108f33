"""A copy of the database in one file: taken while a daemon writes, and looked through before anybody relies on it."""

import os
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator.model.errors import StoreDamagedError, StoreError, StoreRefusedError
from orchestrator.store import migration
from orchestrator.store.database_files import check_files, kind_of
from orchestrator.store.work import primary_code

_COPY: Final = "VACUUM INTO ?"
_MOST_PROBLEMS: Final = 3
_UNUSABLE: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CANTOPEN})
_OF_WRITING: Final = frozenset(
    {
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR_WRITE,
        sqlite3.SQLITE_IOERR_FSYNC,
        sqlite3.SQLITE_IOERR_DIR_FSYNC,
        sqlite3.SQLITE_IOERR_TRUNCATE,
    }
)


@dataclass(frozen=True, slots=True)
class Copy:
    """A database that was looked through and is whole."""

    path: Path
    size_bytes: int
    schema: int  # the number of its last migration


def back_up(database: Path, target: Path, *, replaces: bool = False) -> Copy:
    """Copy what is committed now into the file `target` (0600), which appears whole, checked and durable. Blocks.

    It reads one moment's state and holds nobody up: a daemon goes on writing, only its log grows meanwhile.

    Raises:
        FileExistsError: `target` is there, and not to be replaced.
        StoreRefusedError: there is no database of ours, it is damaged, or `target` is in its directory or no file.
        StoreError: the disk does not take the copy.
    """
    if target.parent.resolve().is_relative_to(database.parent.resolve()):  # replaced, its lock would hold nobody off
        message = f"{target} is in the state directory, whose files are the daemon's; a backup belongs elsewhere"
        raise StoreRefusedError(message)
    _check_target(target)
    if target.exists() and not replaces:
        raise FileExistsError(str(target))
    with translated(database, written=target):
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
        beside = Path(name)
        try:
            with closing(opened_to_read(database)) as source:
                source.execute(_COPY, (name,))
            copy = look_through(beside, called=database)
            make_durable(beside)
            if replaces:
                beside.rename(target)
            else:
                target.hardlink_to(beside)  # fails where somebody has made it meanwhile
        finally:
            with suppress(FileNotFoundError):
                beside.unlink()
        make_durable(target.parent)
    return Copy(target, copy.size_bytes, copy.schema)


def _check_target(target: Path) -> None:
    """Refuse to replace what is no regular file, and a link: nobody could say which of the two files was meant."""
    try:
        mode = target.lstat().st_mode
    except OSError:  # nothing there; or told by who makes the file
        return
    if stat.S_ISLNK(mode):
        message = f"{target} is a symbolic link; name the file that it leads to, {os.path.realpath(target)}"
        raise StoreRefusedError(message)
    kind = kind_of(mode)
    if kind is not None:
        message = f"{target} is {kind}, which a backup does not replace; name another file"
        raise StoreRefusedError(message)


def look_through(path: Path, *, called: Path) -> Copy:
    """Read all of a database that nobody else has open, and check it; it is a copy of `called`, whose damage it has.

    It is opened as if to be written: where it can only be read, SQLite passes over CHECK constraints (seen with 3.40).

    Raises:
        StoreRefusedError: it is not ours, newer than this program, or damaged; the sentence says how.
    """
    uri = f"{path.resolve().as_uri()}?mode=rw"
    with translated(called, written=path), closing(sqlite3.connect(uri, uri=True)) as copy:
        try:
            schema = migration.schema_of(copy, called=str(called))
        except StoreDamagedError as error:
            message = f"{called} is damaged: {error.damage}"
            raise StoreRefusedError(message) from error
        problems = [str(row[0]) for row in copy.execute(f"PRAGMA integrity_check({_MOST_PROBLEMS})")]
        if problems != ["ok"]:
            message = f"{called} is damaged: {'; '.join(problems)}"
            raise StoreRefusedError(message)
        lost = copy.execute("PRAGMA foreign_key_check").fetchone()
        if lost is not None:
            message = f"{called} is damaged: a row of {lost[0]} belongs to one of {lost[2]} that is not there"
            raise StoreRefusedError(message)
    return Copy(path, path.stat().st_size, schema)


def opened_to_read(path: Path) -> sqlite3.Connection:
    """Open a database that a daemon may be writing to.

    Raises:
        UnusableFileError: it is no file, or may not be read.
    """
    check_files(path, writes=False)
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)


def make_durable(path: Path) -> None:
    """Have a file's content, or a directory's names, on the disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def translated(database: Path, *, written: Path | None = None) -> Iterator[None]:
    """Turn what SQLite and the system say of `database` into our errors.

    Where it is only read, and `written` is what is written: a disk that does not take that is `written`'s.
    """
    try:
        yield
    except sqlite3.Error as error:
        if primary_code(error) in _UNUSABLE:
            message = f"{database} cannot be used: {error}"
            raise StoreRefusedError(message) from error
        is_of_writing = getattr(error, "sqlite_errorcode", 0) in _OF_WRITING
        message = f"{written if written and is_of_writing else database}: {error}"
        raise StoreError(message) from error
    except FileExistsError:
        raise
    except OSError as error:
        message = f"{written or error.filename or database}: {error.strerror or error}"
        raise StoreError(message) from error

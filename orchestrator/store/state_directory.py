"""The directory that holds all that a daemon remembers, and the lock that makes it one daemon's.

The lock is the kernel's (flock), so it ends with its holder, however the holder dies.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from orchestrator.model.errors import ForeignDirectoryError, StateDirectoryHeldError, StoreError, StoreRefusedError
from orchestrator.store.database_files import check_files

_PRIVATE_DIRECTORY = 0o700
_PRIVATE_FILE = 0o600
_OTHERS_MAY_WRITE = 0o022
_NOT_NOW = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
_OTHERS = 0o077
_OURS = ("daemon.lock", "api.sock", "environments", "runs", "state.db*")  # the last also: what a restore leaves
_NOBODYS = frozenset({"lost+found"})  # the root of a file system of its own has it
PASSABLE = 0o011
"""Lets scripts of other users get to their runs by name (RunDirectory.let_through), and shows them nothing."""


@dataclass(frozen=True, slots=True)
class StateDirectory:
    """The paths below a state directory that we hold."""

    path: Path

    @property
    def database(self) -> Path:
        """The SQLite file: the truth."""
        return self.path / "state.db"

    @property
    def runs(self) -> Path:
        """The runs' directories, in shards."""
        return self.path / "runs"

    @property
    def environments(self) -> Path:
        """The modules that were installed for runs."""
        return self.path / "environments"


@contextmanager
def hold(path: Path, *, may_lack_database: bool = False) -> Iterator[StateDirectory]:
    """Create `path` if needed, make it its user's alone (0700), and hold it for this process.

    `may_lack_database` is for who is about to put one there.

    Raises:
        StateDirectoryHeldError: another daemon holds it.
        UnusableFileError: a file of the database is there and cannot be opened to write.
        StoreRefusedError: it is not ours alone, holds something else, or its database is gone while its runs are there.
        StoreError: the disk does not take it now.
    """
    try:
        path.mkdir(mode=_PRIVATE_DIRECTORY, parents=True, exist_ok=True)
        _check_owner(path)
        if is_foreign(path):
            raise ForeignDirectoryError(str(path))
        _keep_others_out(path)
        descriptor = _locked(path)
    except OSError as error:
        message = f"the state directory {path} cannot be used: {error.strerror}"
        raise (StoreError if error.errno in _NOT_NOW else StoreRefusedError)(message) from error
    try:
        directory = StateDirectory(path)
        if not may_lack_database:
            check_files(directory.database, writes=True)
            _check_not_emptied(directory)
        yield directory
    finally:
        os.close(descriptor)


def is_foreign(path: Path) -> bool:
    """Say whether a directory holds something, and nothing of ours: it was meant for something else.

    Raises:
        OSError: it cannot be looked into.
    """
    names = {entry.name for entry in path.iterdir()} - _NOBODYS
    return bool(names) and not any(fnmatchcase(name, ours) for name in names for ours in _OURS)


def _locked(path: Path) -> int:
    """Return the descriptor of the lock file, locked and with our name in it."""
    descriptor = os.open(path / "daemon.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, _PRIVATE_FILE)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}\n".encode(), 0)
    except BlockingIOError:
        holder = os.read(descriptor, 100).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise StateDirectoryHeldError(str(path), holder or "another process") from None
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check_owner(path: Path) -> None:
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        if status.st_uid != 0:  # root's may lead elsewhere, as systemd's do for a DynamicUser
            message = (
                f"the state directory {path} is a symbolic link; name the directory that it leads to, {path.readlink()}"
            )
            raise StoreRefusedError(message)
        status = path.stat()
    if status.st_uid != os.geteuid():
        message = f"the state directory {path} belongs to uid {status.st_uid}, not to uid {os.geteuid()}"
        raise StoreRefusedError(message)


def _keep_others_out(path: Path) -> None:
    status = path.stat()
    if status.st_mode & _OTHERS_MAY_WRITE:
        message = (
            f"the state directory {path} is writable by others (mode {status.st_mode & 0o777:o}); run: chmod 700 {path}"
        )
        raise StoreRefusedError(message)
    if status.st_mode & _OTHERS not in (0, PASSABLE):
        path.chmod(_PRIVATE_DIRECTORY)


def _check_not_emptied(directory: StateDirectory) -> None:
    """Refuse a missing or zero-length database beside existing runs: SQLite would take it for a fresh one.

    So it would where a restore was cut off between its steps.
    """
    if directory.database.exists() and directory.database.stat().st_size:
        return
    if any(directory.runs.glob("*/*")):
        message = (
            f"{directory.database} is missing or empty, but {directory.runs} holds runs: "
            f"restore a backup with `orchestrator restore FILE`, or move {directory.runs} away to begin anew"
        )
        raise StoreRefusedError(message)
    if any(directory.path.glob(f"{directory.database.name}.*")):
        message = f"{directory.database} is missing, for a restore was cut off: repeat `orchestrator restore FILE`"
        raise StoreRefusedError(message)

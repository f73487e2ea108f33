"""The database's files, looked at before SQLite opens them: what it says of one that it cannot open is not why."""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

from orchestrator.model.errors import UnusableFileError

_BESIDE: Final = ("", "-wal", "-shm")
_KINDS: Final[tuple[tuple[Callable[[int], bool], str], ...]] = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def kind_of(mode: int) -> str | None:
    """Say what that is which is no regular file; None of one that is."""
    return next((kind for is_of, kind in _KINDS if is_of(mode)), None)


def check_files(database: Path, *, writes: bool) -> None:
    """Look whether the database and its log can be opened, those that are there; `writes`: as a daemon does.

    Raises:
        UnusableFileError: one of them cannot.
    """
    if writes:
        _check_access(database.parent, database.parent.stat(), os.R_OK | os.W_OK | os.X_OK)
    for suffix in _BESIDE:
        path = Path(f"{database}{suffix}")
        try:
            status = path.stat()
        except FileNotFoundError:
            if path.is_symlink():
                told, remedy = "is a symbolic link that leads nowhere", "put its target in place, or move it away"
                raise UnusableFileError(str(path), told, remedy) from None
            continue
        except OSError as error:
            told = f"cannot be looked at: {error.strerror}"
            raise UnusableFileError(str(path), told, "move it away") from error
        kind = kind_of(status.st_mode)
        if kind is not None:
            raise UnusableFileError(str(path), f"is {kind}, and should be a file", "move it away")
        _check_access(path, status, os.R_OK | os.W_OK if writes else os.R_OK)


def _check_access(path: Path, status: os.stat_result, wanted: int) -> None:
    """Look whether we may; and where root looks for another user, who is to write, whether the mode lets that one."""
    we, allowed = os.geteuid(), status.st_mode >> 6
    is_for_another = status.st_uid != we and wanted & os.W_OK
    if os.access(path, wanted, effective_ids=True) and (allowed & wanted == wanted or not is_for_another):
        return
    if not path.exists():  # a daemon that ended meanwhile has removed it
        return
    letters = "".join(letter for letter, bit in (("r", os.R_OK), ("w", os.W_OK), ("x", os.X_OK)) if wanted & bit)
    ways = "written" if allowed & os.R_OK and wanted & os.W_OK else "read"
    told = f"cannot be {ways} by user {status.st_uid if we == 0 else we} (mode {status.st_mode & 0o777:o})"
    if allowed & wanted != wanted:
        remedy = f"chmod u+{letters} {path}"
    elif status.st_uid != we:
        remedy = f"chown {we} {path}"
    else:
        remedy = "look whether its file system is mounted read-only, or it is immutable (lsattr)"
    raise UnusableFileError(str(path), told, remedy)

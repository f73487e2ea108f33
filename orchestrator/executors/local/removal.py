"""Taking a tree off the disk that a script has made: of any depth, with any modes, and with links that lead out of it.

Nothing outside is touched: every step goes by the descriptor of a directory that was opened without following a link.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final

_PRIVATE: Final = 0o700
_HERE: Final = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_BLOCK_BYTES: Final = 512  # of st_blocks, whatever the file system's are


def remove(path: Path, *, last: str, may: Callable[[int], bool]) -> bool:
    """Remove the directory `path`, its file `last` after all others; True if it is gone.

    `may` is asked with the open directory before anything is removed; on False nothing is. A link in the directory's
    place is removed itself.

    Raises:
        OSError: not all could be removed.
    """
    try:
        parent = os.open(path.parent, os.O_RDONLY | _HERE)
    except FileNotFoundError:
        return True
    try:
        if _unlink(path.name, parent):
            return True
        directory = _enter(path.name, parent)
        try:
            if not may(directory):
                return False
            _empty(directory, last)
            _unlink(last, directory)
        finally:
            os.close(directory)
        os.rmdir(path.name, dir_fd=parent)
    finally:
        os.close(parent)
    return True


def stored_bytes(path: Path) -> int:
    """Return how much room the files below `path` take; what cannot be looked at counts as nothing."""
    total = 0
    pending = [path]
    while pending:
        try:
            with os.scandir(pending.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    total += status.st_blocks * _BLOCK_BYTES
                    if stat.S_ISDIR(status.st_mode):
                        pending.append(Path(entry.path))
        except OSError:
            continue
    return total


def _empty(root: int, last: str) -> None:
    """Remove all in `root` but the file `last`. What is deep is brought up first: no depth needs a stack of descriptors."""
    brought_up = 0
    while names := [name for name in os.listdir(root) if name != last]:
        for name in names:
            if _unlink(name, root):
                continue
            directory = _enter(name, root)
            try:
                for inner in os.listdir(directory):  # noqa: PTH208 - by its descriptor
                    if not _unlink(inner, directory):
                        os.close(_enter(inner, directory))  # makes it ours, as moving it needs
                        brought_up += 1
                        os.rename(inner, _free_name(root, brought_up), src_dir_fd=directory, dst_dir_fd=root)
            finally:
                os.close(directory)
            os.rmdir(name, dir_fd=root)
    if last in os.listdir(root) and stat.S_ISDIR(os.stat(last, dir_fd=root, follow_symlinks=False).st_mode):
        os.rename(last, _free_name(root, 0), src_dir_fd=root, dst_dir_fd=root)
        _empty(root, last)


def _free_name(root: int, number: int) -> str:
    name = f".removed.{number}"
    while True:
        try:
            os.stat(name, dir_fd=root, follow_symlinks=False)
        except FileNotFoundError:
            return name
        name += "_"


def _unlink(name: str, parent: int) -> bool:
    """Remove what is no directory; False where it is one."""
    try:
        os.unlink(name, dir_fd=parent)
    except FileNotFoundError:
        return True
    except IsADirectoryError:
        return False
    return True


def _enter(name: str, parent: int) -> int:
    """Open a directory and make it ours to empty, whatever mode a script gave it."""
    directory = opened(name, parent, _HERE)
    try:
        os.fchmod(directory, _PRIVATE)
    except BaseException:
        os.close(directory)
        raise
    return directory


def opened(name: str, parent: int, flags: int) -> int:
    """Open for reading what is in `parent`, whatever mode a script gave it; `flags` must have O_NOFOLLOW."""
    try:
        return os.open(name, os.O_RDONLY | flags, dir_fd=parent)
    except PermissionError:
        handle = os.open(name, os.O_PATH | flags, dir_fd=parent)
    try:
        Path(f"/proc/self/fd/{handle}").chmod(_PRIVATE)
    finally:
        os.close(handle)
    return os.open(name, os.O_RDONLY | flags, dir_fd=parent)

"""Notices to a file: one line of JSON each, on the disk before it counts. Whoever renames the file gets a new one."""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

import anyio.to_thread

from orchestrator.model.errors import NoticeError
from orchestrator.model.notices import Wanted
from orchestrator.operations.send_notices import Notice

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_MODE: Final = 0o600


@dataclass(frozen=True, slots=True)
class FileOutlet:
    """A file; its directory exists."""

    most: ClassVar = 200
    name: str
    wanted: Wanted
    path: Path

    async def send(self, notices: Sequence[Notice], *, at_ms: int) -> None:
        """Append them and flush them."""
        del at_ms
        lines = b"".join(notice.body + b"\n" for notice in notices)
        try:
            await anyio.to_thread.run_sync(_append, self.path, lines)
        except OSError as error:
            raise NoticeError(f"{self.path}: {error.strerror or error}") from error


def _append(path: Path, lines: bytes) -> None:
    """Append whole lines.

    Raises:
        OSError: there is no room, or it is no regular file of ours. What was written of the lines is taken back.
    """
    descriptor, is_new = _open(path)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid not in (os.geteuid(), 0):
            message = "it is no regular file of the daemon's user or of root"
            raise PermissionError(message)
        size = status.st_size
        if (
            size and os.pread(descriptor, 1, size - 1) != b"\n"
        ):  # a kill has cut the last line off: its like comes again
            lines = b"\n" + lines
        try:
            _write(descriptor, lines)
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if is_new:
        _flush_directory(path.parent)


def _open(path: Path) -> tuple[int, bool]:
    with suppress(FileNotFoundError):
        return os.open(path, _FLAGS), False
    return os.open(path, _FLAGS | os.O_CREAT, _MODE), True


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _flush_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

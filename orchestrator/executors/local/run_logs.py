"""The logs of a run, which its shim writes and the daemon reads: the text, and when it came (`<stream>.times`)."""

import os
import re
import stat
from pathlib import Path
from typing import Final

from orchestrator.executors.interface import LogExtent, Stream
from orchestrator.executors.local.run_files import UNREADABLE, opened

_MAX_TIMES_BYTES: Final = 8 * 1024 * 1024
_MARK: Final = re.compile(rb"([0-9]{1,15}) ([0-9]{1,15})\n")


class RunLogs:
    """The logs in one run's directory. All methods block."""

    def __init__(self, folder: Path) -> None:
        """Know the run's directory; nothing is created."""
        self._folder = folder

    def read(self, stream: Stream, *, offset: int, limit: int) -> bytes:
        """Return up to `limit` bytes from `offset` on. What is not there, or is not a file of ours, reads as empty."""
        try:
            with opened(self._folder / f"{stream}.log") as descriptor:
                is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
                return os.pread(descriptor, limit, offset) if is_file else b""
        except OSError as error:
            if error.errno in UNREADABLE:
                return b""
            raise

    def put(self, stream: Stream, data: bytes) -> None:
        """Put `data` into a log of a run that has no shim: what kept it from starting.

        Raises:
            OSError: there is no room, or no run directory.
        """
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self._folder / f"{stream}.log", flags, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)

    def extent(self, stream: Stream) -> LogExtent:
        """Return the log's size and the marks of its times. The size first: all it counts has its marks by then.

        What is not there, or is not a file of ours any more, counts as empty: one run's trouble is not its group's.
        """
        try:
            with opened(self._folder / f"{stream}.log") as descriptor:
                status = os.fstat(descriptor)
        except OSError:
            return LogExtent(0, ())
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        try:
            with opened(self._folder / f"{stream}.times") as descriptor:
                text = os.pread(descriptor, _MAX_TIMES_BYTES, 0)
        except OSError:  # a run of an older shim, or a disk that was full
            return LogExtent(size, ())
        marks = [(int(mark[1]), int(mark[2])) for mark in _MARK.finditer(text)]
        return LogExtent(size, [mark for mark in marks if mark[0] <= size])

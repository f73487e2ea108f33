"""What a script prints: pipes that are always emptied, into files that are capped and know when their parts came.

Loaded by shim.py; standard library only.
"""

from __future__ import annotations

import contextlib
import os
import time

CHUNK_BYTES = 256 * 1024
MARK_INTERVAL_S = 1.0
MARKS_PER_INTERVAL = 8192  # then the interval doubles: a year of output takes some 2 MiB of marks
TO_WRITE = (
    os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
)  # a pipe in its place is not waited for


class Log:
    """One stream of the script: a pipe that is always emptied, into a file that is capped."""

    def __init__(self, path: str, limit_bytes: int, keep_tail_bytes: int = 0) -> None:
        """Create the file and the pipe; raises OSError."""
        self.file = os.open(path, TO_WRITE | os.O_TRUNC, 0o600)
        self.source, self.sink = os.pipe()  # both close on exec; the child's copy of the sink becomes its fd 1 or 2
        os.set_blocking(self.source, False)
        self.path = path
        self.times: int | None = None  # made with the first output; -1 when it is not to be had
        self.mark_at = 0.0
        self.marks = 0
        self.left_bytes = limit_bytes
        self.kept_bytes = 0  # the file's size
        self.lost_bytes = 0  # since the disk took nothing more
        self.is_full = False  # the limit is reached, and told
        self.limit_bytes = limit_bytes
        self.keep_tail_bytes = keep_tail_bytes
        self.tail = b""
        self.is_open = True

    def pump(self) -> None:
        """Take what there is. The script never waits for the disk's room: what cannot be kept is dropped."""
        while self.is_open:
            try:
                data = os.read(self.source, CHUNK_BYTES)
            except BlockingIOError:
                return
            if not data:
                self.close()
                return
            if self.keep_tail_bytes:
                self.tail = (self.tail + data)[-self.keep_tail_bytes :]
            self._keep(data)
            if len(data) < CHUNK_BYTES:
                return

    def _keep(self, data: bytes) -> None:
        """Write what the limit allows. What the disk does not take is counted, and told where there is room again."""
        if self.is_full:
            return
        self._mark()
        try:
            self._tell_lost()
        except OSError:
            self.lost_bytes += len(data)
            return
        begun_at = self.kept_bytes
        try:
            self._write(data[: self.left_bytes])
        except OSError:
            kept_bytes = self.kept_bytes - begun_at
            self.left_bytes -= kept_bytes
            self.lost_bytes = len(data) - kept_bytes
            return
        if len(data) <= self.left_bytes:
            self.left_bytes -= len(data)
            return
        self.left_bytes = 0
        with contextlib.suppress(OSError):  # the next data tries it again
            marker = f"\n[orchestrator] the log limit of {self.limit_bytes} bytes is reached; the rest is not kept\n"
            self._write(marker.encode())
            self.is_full = True

    def _tell_lost(self) -> None:
        if self.lost_bytes:
            marker = f"\n[orchestrator] {self.lost_bytes} bytes are missing here: the log could not be written\n"
            self._write(marker.encode())
            self.lost_bytes = 0

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            count = os.write(self.file, view)
            self.kept_bytes += count
            view = view[count:]

    def _mark(self) -> None:
        """Note when the file's next byte came, about once a second. Readers miss times where that fails, and no more."""
        now = clock()
        if now < self.mark_at:
            return
        if self.times is None:
            self.times = self._open_times()
        if self.times < 0:
            return
        self.mark_at = now + MARK_INTERVAL_S * 2 ** (self.marks // MARKS_PER_INTERVAL)
        self.marks += 1
        line = f"{self.kept_bytes} {round(time.time() * 1000)}\n".encode()
        try:
            is_whole = os.write(self.times, line) == len(line)
        except OSError:
            is_whole = False
        if not is_whole:  # a further line would be read as one with this
            os.close(self.times)
            self.times = -1

    def _open_times(self) -> int:
        try:
            return os.open(self.path.replace(".log", ".times"), TO_WRITE | os.O_TRUNC, 0o600)
        except OSError:
            return -1

    def close(self) -> None:
        """Close the reading end and the files."""
        if self.is_open:
            self.is_open = False
            with contextlib.suppress(OSError):
                self._tell_lost()
            os.close(self.source)
            os.close(self.file)
            if self.times is not None and self.times >= 0:
                os.close(self.times)


def clock() -> float:
    """Return seconds that go on while the machine sleeps and that nobody can set."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def write_all(descriptor: int, data: bytes) -> None:
    """Write `data` to the end; raises OSError."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]

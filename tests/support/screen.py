"""A command on a terminal of its own, whose screen can be read: what a person sees, not what was sent."""

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import pyte

from tests.support import command
from tests.support.waiting import until

_WITHIN_S: Final = 30


class ScreenOf:
    """A command on a terminal; used as a context manager it leaves no process and no descriptor behind."""

    def __init__(
        self,
        home: Path,
        *words: str,
        columns: int = 80,
        lines: int = 24,
        more: Mapping[str, str] | None = None,
        program: str | None = None,
    ) -> None:
        """Start the command in `home` on a terminal of that size: ours with these words, or another `program`."""
        self.screen = pyte.Screen(columns, lines)
        self.sent = b""
        self._stream = pyte.ByteStream(self.screen)
        self._lock = threading.Lock()
        self._ours, theirs = pty.openpty()
        _resize(theirs, columns, lines)
        environment = command.environment(home, {"TERM": "xterm-256color", **(more or {})})
        self.process = subprocess.Popen(
            [sys.executable, "-c", _OURS if program is None else _ANOTHER, *([program] if program else []), *words],
            env=environment,
            cwd=home,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        """Lend it."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the command."""
        self.process.kill()
        self.process.wait(timeout=_WITHIN_S)
        self._reader.join(timeout=_WITHIN_S)
        os.close(self._ours)

    def _read(self) -> None:
        while True:
            try:
                part = os.read(self._ours, 65536)
            except OSError:  # nobody writes any more
                return
            with self._lock:
                self.sent += part
                self._stream.feed(part)

    def shown(self) -> list[str]:
        """Return the lines on the screen, without what is blank at their ends."""
        with self._lock:
            return [line.rstrip() for line in self.screen.display]

    def text(self) -> str:
        """Return the screen as one text."""
        return "\n".join(self.shown()).rstrip()

    def colours_of(self, word: str) -> set[str]:
        """Return the colours in which a word is shown."""
        with self._lock:
            found = set()
            for number, line in enumerate(self.screen.display):
                place = line.find(word)
                if place >= 0:
                    found.add(str(self.screen.buffer[number][place].fg))
            return found

    def wait_for(
        self, condition: Callable[[str], object], what: str = "the screen", *, within_s: float = _WITHIN_S
    ) -> str:
        """Return the screen as soon as it is so."""
        try:
            until(lambda: condition(self.text()), within_s=within_s, what=what)
        except TimeoutError as error:
            message = f"{error}; the screen is:\n{self.text()}"
            raise AssertionError(message) from None
        return self.text()

    def press(self, keys: str) -> None:
        """Type."""
        os.write(self._ours, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Give the terminal another size, as a window manager does."""
        with self._lock:
            self.screen.resize(lines, columns)
        _resize(self._ours, columns, lines)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGWINCH)

    def ended(self) -> int:
        """Return the exit code once the command has ended, and all that it wrote is on the screen."""
        code = self.process.wait(timeout=_WITHIN_S)
        self._reader.join(timeout=_WITHIN_S)
        return code


_OF_ITS_OWN: Final = "import fcntl, os, runpy, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
"""Takes the terminal for its own, so that Ctrl-C is a signal."""
_OURS: Final = (
    f"{_OF_ITS_OWN} sys.argv[0] = 'orchestrator'; "
    "runpy.run_module('orchestrator', run_name='__main__', alter_sys=False)"
)
_ANOTHER: Final = f"{_OF_ITS_OWN} os.execvp(sys.argv[1], sys.argv[1:])"


def _resize(descriptor: int, columns: int, lines: int) -> None:
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

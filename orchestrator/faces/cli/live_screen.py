"""A screen that is drawn anew until a key ends it: rich draws it, and gives the terminal back as it was."""

import http.client
import os
import select
import shutil
import signal
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from types import FrameType
from typing import Final

from rich.console import Console
from rich.live import Live
from rich.text import Text

from orchestrator.faces.cli.client import AbandonedError, Client
from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.text import cut, wants_colour

REFRESH_S: Final = 2.0
"""What runs use has no bell."""
LEAST_PAUSE_S: Final = 0.25
_SILENCE_S: Final = 40.0
"""More than twice what the stream's comments come in."""
_AGAIN_S: Final = 1.0
_END: Final = frozenset(b"qQ\x03\x04")

Draw = Callable[[int, int], Sequence[str]]
"""Returns the lines for a width and a height."""


def show(client: Client, look: Callable[[], Draw], describe: Callable[[CommandError], str]) -> None:
    """Show what `look` returns, and look again at each change, until q or Ctrl-C.

    Where nobody answers any more, what was seen last stays, and `describe` says why; the first look must succeed.
    """
    draw, problem = look(), ""
    with ExitStack() as ways_out, suppress(KeyboardInterrupt):
        console = Console(file=sys.stdout, no_color=not wants_colour(sys.stdout), highlight=False, emoji=False)
        live = ways_out.enter_context(Live(console=console, screen=True, auto_refresh=False))
        waker = ways_out.enter_context(_waker(client))
        while True:
            live.update(_screen(draw, problem), refresh=True)
            if waker.wait(REFRESH_S):
                return
            try:
                draw, problem = look(), ""
            except CommandError as error:
                problem = describe(error)


def _screen(draw: Draw, problem: str) -> Text:
    width, height = shutil.get_terminal_size()
    foot = problem or "q ends"
    lines = list(draw(width, max(1, height - 1)))[: max(1, height - 1)]
    lines += [""] * (height - 1 - len(lines))
    told = "\n".join([*lines, cut(foot, width - 1)])
    return Text.from_ansi(told, no_wrap=True, overflow="crop", end="")


class _Waker:
    """Waits for a key, a change or another size of the terminal."""

    def __init__(self, keys: int | None, bell: int) -> None:
        self._keys = keys
        self._bell = bell

    def wait(self, most_s: float) -> bool:
        """Return at the next change, or after `most_s`; True: it is to end."""
        began = time.monotonic()
        if self._ends(most_s):
            return True
        left_s = LEAST_PAUSE_S - (time.monotonic() - began)
        return left_s > 0 and self._ends_within(left_s)

    def _ends_within(self, seconds: float) -> bool:
        until = time.monotonic() + seconds
        while (left_s := until - time.monotonic()) > 0:
            if self._ends(left_s):
                return True
        return False

    def _ends(self, most_s: float) -> bool:
        watched = [self._bell] if self._keys is None else [self._bell, self._keys]
        ready, _, _ = select.select(watched, [], [], most_s)
        if self._bell in ready:
            os.read(self._bell, 4096)
        if self._keys is not None and self._keys in ready:
            pressed = os.read(self._keys, 64)
            if not pressed:  # the terminal is gone
                return True
            return bool(_END & set(pressed)) and not pressed.startswith(b"\x1b")
        return False


@contextmanager
def _waker(client: Client) -> Iterator[_Waker]:
    bell, rope = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    listener = _Listener(client, rope)
    try:
        with _keys() as keys, _signals(rope):
            listener.start()
            yield _Waker(keys, bell)
    finally:
        listener.end()
        os.close(bell)
        os.close(rope)


@contextmanager
def _keys() -> Iterator[int | None]:
    """Yield where single keys come from, none of which is shown."""
    try:
        descriptor = sys.stdin.fileno()
        before = termios.tcgetattr(descriptor)
    except (OSError, ValueError, termios.error):
        yield None
        return
    try:
        tty.setcbreak(descriptor)
        yield descriptor
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextmanager
def _signals(rope: int) -> Iterator[None]:
    """Let another size of the window ring, and SIGTERM end this as Ctrl-C does: the terminal is to be given back."""

    def resized(number: int, frame: FrameType | None) -> None:
        del number, frame
        _pull(rope)

    before = [
        (number, signal.signal(number, heed))
        for number, heed in ((signal.SIGWINCH, resized), (signal.SIGTERM, signal.default_int_handler))
    ]
    try:
        yield
    finally:
        for number, heed in before:
            signal.signal(number, heed)


def _pull(rope: int) -> None:
    with suppress(BlockingIOError):  # it has rung and nobody has looked
        os.write(rope, b".")


class _Listener:
    """A thread that rings whenever the daemon tells of a change; where it does not tell, nothing rings."""

    def __init__(self, client: Client, rope: int) -> None:
        self._client = client.patient(0)
        self._rope = rope
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="listen", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """End the thread; its call ends at once."""
        self._ended.set()
        self._client.abandon()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._ended.is_set():
            with suppress(OSError, http.client.HTTPException, AbandonedError, CommandError, ValueError):
                for line in self._client.lines("/events", silence_s=_SILENCE_S):
                    if self._ended.is_set():
                        return
                    if line.startswith(b"data:"):
                        _pull(self._rope)
            self._ended.wait(_AGAIN_S)

"""How late the event loop is: measured by a timer that beats as long as somebody asks, and by none otherwise.

Nobody is told of a loop that hangs while it does: the question itself waits. What is told afterwards is how late it was.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

BEAT_S: Final = 1.0
FOR_S: Final = 300.0
"""So long after the last question it still beats: longer than anybody lets pass between two."""
WITHIN_S: Final = 15.0
"""What is told is the longest lag of this time."""


class LoopLag:
    """Made and asked in the event loop's thread."""

    def __init__(self, tell: Callable[[float], None]) -> None:
        """Tell each lag, in seconds, as it is measured."""
        self._loop = asyncio.get_running_loop()
        self._tell = tell
        self._asked_at = 0.0
        self._due_at: float | None = None  # None: it does not beat
        self._lags: deque[tuple[float, float]] = deque()  # when, and how late

    def worst_s(self) -> float:
        """Return the longest lag of the last `WITHIN_S`, and go on measuring. 0 where nobody has asked for long."""
        self._asked_at = now = self._loop.time()
        if self._due_at is None:
            self._lags.clear()
            self._plan(now)
            return 0.0
        self._forget(now)
        late = [late_s for _, late_s in self._lags]
        return max([*late, now - self._due_at, 0.0])  # the beat may be overdue itself

    def _plan(self, now: float) -> None:
        self._due_at = now + BEAT_S
        self._loop.call_at(self._due_at, self._beat, self._due_at)

    def _beat(self, due_at: float) -> None:
        now = self._loop.time()
        late_s = max(0.0, now - due_at)
        self._tell(late_s)
        self._lags.append((now, late_s))
        self._forget(now)
        if now - self._asked_at > FOR_S:
            self._due_at = None
        else:
            self._plan(now)

    def _forget(self, now: float) -> None:
        while self._lags and now - self._lags[0][0] > WITHIN_S:
            self._lags.popleft()

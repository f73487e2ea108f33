"""One timer per connection, for what is awaited from its client."""

import asyncio
from collections.abc import Callable
from typing import Literal

Part = Literal["head", "body"]
Awaited = tuple[Part, int]
"""A part of a request, and which request of the connection it is."""


class Deadline:
    """Ends the patience with a client. Whoever sends byte by byte gains nothing: the same part has one deadline."""

    def __init__(self, loop: asyncio.AbstractEventLoop, on_late: Callable[[Part], None]) -> None:
        """Call `on_late` with the part that did not come."""
        self._loop = loop
        self._on_late = on_late
        self._awaited: Awaited | None = None
        self._timer: asyncio.TimerHandle | None = None

    def expect(self, awaited: Awaited | None, limit_s: float) -> None:
        """Begin to wait for `awaited`, or go on; None: nothing is awaited."""
        if awaited == self._awaited:
            return
        self.stop()
        self._awaited = awaited
        if awaited is not None:
            self._timer = self._loop.call_later(limit_s, self._late, awaited[0])

    def stop(self) -> None:
        """Wait for nothing."""
        self._awaited = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _late(self, part: Part) -> None:
        self._awaited = self._timer = None
        self._on_late(part)

"""A bell: it wakes who listens, and says nothing. What is true, the store is asked."""

import asyncio


class Bell:
    """Listen first, then look, then wait: so no ring is lost between the look and the wait."""

    def __init__(self) -> None:
        """Begin silent."""
        self._event: asyncio.Event | None = None  # made for the first who listens: most rings come where nobody does

    def ring(self) -> None:
        """Wake everybody who listens."""
        if self._event is not None:
            self._event.set()
            self._event = None

    def listen(self) -> asyncio.Event:
        """Return what the next ring sets."""
        if self._event is None or self._event.is_set():
            self._event = asyncio.Event()
        return self._event


async def heard(rung: asyncio.Event, *, within_s: float) -> bool:
    """Wait for a ring; return False where none has come in time.

    Others who listen to the same are then woken, too, for nothing. A timer of the loop costs a tenth of a cancel scope.
    """
    is_late = False

    def give_up() -> None:
        nonlocal is_late
        is_late = True
        rung.set()

    timer = asyncio.get_running_loop().call_later(within_s, give_up)
    try:
        await rung.wait()
    finally:
        timer.cancel()
    return not is_late

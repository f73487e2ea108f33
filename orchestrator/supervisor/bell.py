"""A bell: it wakes who listens, and says nothing. What is true, the store is asked."""

import anyio


class Bell:
    """Listen first, then look, then wait: so no ring is lost between the look and the wait."""

    def __init__(self) -> None:
        """Begin silent."""
        self._event: anyio.Event | None = None  # made for the first who listens: most rings come where nobody does

    def ring(self) -> None:
        """Wake everybody who listens."""
        if self._event is not None:
            self._event.set()
            self._event = None

    def listen(self) -> anyio.Event:
        """Return what the next ring sets."""
        if self._event is None:
            self._event = anyio.Event()
        return self._event

"""A bell: it wakes who listens, and says nothing. What is true, the store is asked."""

import anyio


class Bell:
    """Listen first, then look, then wait: so no ring is lost between the look and the wait."""

    def __init__(self) -> None:
        """Begin silent."""
        self._event = anyio.Event()

    def ring(self) -> None:
        """Wake everybody who listens."""
        self._event.set()
        self._event = anyio.Event()

    def listen(self) -> anyio.Event:
        """Return what the next ring sets."""
        return self._event

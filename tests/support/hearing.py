"""An observer that remembers what it has heard."""

from orchestrator.supervisor.observer import Observer


class Hearing(Observer):
    """Keeps everything, in its order."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.heard: list[tuple[str, float]] = []

    def acknowledged(self, after_s: float) -> None:
        """Keep it."""
        self.heard.append(("acknowledged", after_s))

    def launched(self, *, accepted_s: float, asked_s: float) -> None:
        """Keep both."""
        self.heard += [("accepted", accepted_s), ("asked", asked_s)]

    def logged(self, size_bytes: int) -> None:
        """Keep it."""
        self.heard.append(("logged", size_bytes))

    def fired(self, late_s: float) -> None:
        """Keep it."""
        self.heard.append(("fired", late_s))

    def retired(self, runs: int) -> None:
        """Keep it."""
        self.heard.append(("retired", runs))

    def names(self) -> list[str]:
        """Return what was heard, without the figures."""
        return [name for name, _ in self.heard]

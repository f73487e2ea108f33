"""Who hears how long things take and how much there is of them, as they happen; here, nobody.

The methods are called on the way of every run: one that is overridden must cost next to nothing, and never raise.
"""


class Observer:
    """Hears, and lets it go. Durations are in seconds."""

    def acknowledged(self, after_s: float) -> None:
        """Hear that a call of StartJobRun was answered by a run's id, so long after all of it had come."""

    def launched(self, *, accepted_s: float, asked_s: float) -> None:
        """Hear that a script was seen to be started: so long after its run was accepted, and after the start was asked for."""

    def logged(self, size_bytes: int) -> None:
        """Hear how much is kept of the output of a run that has ended."""

    def fired(self, late_s: float) -> None:
        """Hear that a schedule has fired, so long after its instant."""

    def retired(self, runs: int) -> None:
        """Hear that so many runs were deleted for their age."""

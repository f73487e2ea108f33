"""How quick the disk is, by what commits have taken: it decides in which thread short transactions run."""

from dataclasses import dataclass, replace
from typing import Final, Self

_MEMORY: Final = 16
"""So many commits ago counts for about a third of what the last one counts."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The moving average of commits' durations, from none on: a slow disk is known by its first or second commit."""

    quick_s: float  # below this it is quick; 0: never
    usual_s: float = 0.0

    @property
    def is_quick(self) -> bool:
        """Say whether a commit usually takes less than a hand-over to another thread is worth."""
        return self.usual_s < self.quick_s

    def after(self, commit_s: float) -> Self:
        """Return the pace with one more commit in it, which took so long."""
        return replace(self, usual_s=self.usual_s + (commit_s - self.usual_s) / _MEMORY)

"""How quick the store is, by what it has taken lately: it decides in which thread short transactions run."""

from dataclasses import dataclass, replace
from typing import Final, Self

_MEMORY: Final = 16
"""So many samples ago counts for about a third of what the last one counts."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The moving average of durations, from none on: what is slow is known by the first or second of them."""

    quick_s: float  # below this it is quick; 0: never
    usual_s: float = 0.0

    @property
    def is_quick(self) -> bool:
        """Say whether it usually takes less than a hand-over to another thread is worth."""
        return self.usual_s < self.quick_s

    def after(self, spent_s: float) -> Self:
        """Return the pace with one more duration in it."""
        return replace(self, usual_s=self.usual_s + (spent_s - self.usual_s) / _MEMORY)

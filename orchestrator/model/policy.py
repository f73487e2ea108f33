"""How triggers and retries behave, where the owner of the machine has a choice."""

from dataclasses import dataclass, field
from typing import Final, Literal

OnBusy = Literal["queue", "fail", "skip"]
"""What becomes of a run that a trigger starts while its job is at its MaxConcurrentRuns."""
CatchUp = Literal["none", "one"]
"""How many firings stand for those that a schedule missed while no daemon ran."""
_MS_PER_S: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDelay:
    """The pause before an automatic retry: the first, and how it grows from one to the next."""

    first_s: float = 1.0
    factor: float = 2.0
    longest_s: float = 300.0

    def before_ms(self, retry_number: int) -> int:
        """Return the pause before the retry of that number; 1 is the first."""
        pause_s = self.first_s
        for _ in range(retry_number - 1):
            pause_s = min(pause_s * self.factor, self.longest_s)
        return round(min(pause_s, self.longest_s) * _MS_PER_S)

    @property
    def longest_ms(self) -> int:
        """Return what no pause exceeds."""
        return round(self.longest_s * _MS_PER_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The choices."""

    cap_dpu: float  # the slots there are
    on_busy: OnBusy = "queue"
    catch_up: CatchUp = "none"
    fire_on_manual_runs: bool = False
    strict_schedules: bool = False
    retry_delay: RetryDelay = field(default_factory=RetryDelay)

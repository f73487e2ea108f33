"""What the transactions that make runs need beside the store: the owner's choices, and randomness."""

from collections.abc import Callable
from dataclasses import dataclass

from orchestrator.model.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """Handed down from the composition root."""

    policy: Policy
    new_base: Callable[[], bytes]  # 32 random bytes: a new family of runs, or a workflow run

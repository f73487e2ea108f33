"""What an examination says: one finding per look, with what helps where something is amiss."""

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARN = "warn"
    """It works; somebody should know."""
    FAIL = "fail"
    """Something does not work, or what was promised is at risk."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found."""

    check: str
    verdict: Verdict
    told: str
    remedy: str | None = None

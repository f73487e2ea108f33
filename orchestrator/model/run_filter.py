"""Which runs somebody asks for, and in what order."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from orchestrator.model.records import JobRun
from orchestrator.model.states import JobRunState

_LONGEST: Final = 40
_MOST: Final = 2**63 - 1  # that SQLite counts to
RunOrder = Literal["newest", "oldest", "ended"]
"""By acceptance, from either end, or by their ends, the last first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """What a run must have to be listed; what is None or empty asks for nothing."""

    job_key: int | None = None
    states: frozenset[JobRunState] = field(default_factory=frozenset)
    trigger_name: str | None = None
    since_ms: int | None = None  # accepted then or later
    until_ms: int | None = None  # accepted before
    matches: Callable[[JobRun], bool] | None = None  # what only a look at the whole run can tell


@dataclass(frozen=True, slots=True)
class RunPlace:
    """How far a list was read: its last run."""

    seq: int
    end_ms: int = 0  # where the order is that of the ends


def place_of(text: str, order: RunOrder) -> RunPlace | None:
    """Return the place that `text` spells in a list of that order; None where it spells none."""
    end, dash, seq = text.rpartition("-")
    if bool(dash) != (order == "ended") or not all(part.isascii() and part.isdecimal() for part in (end or "0", seq)):
        return None
    if len(text) > _LONGEST or (dash and not end):
        return None
    place = RunPlace(int(seq), int(end or 0))
    return place if max(place.seq, place.end_ms) <= _MOST else None


def spelled(place: RunPlace, order: RunOrder) -> str:
    """Return the text for a place in a list of that order."""
    return f"{place.end_ms}-{place.seq}" if order == "ended" else str(place.seq)

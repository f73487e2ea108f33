"""Which streams a request of the log API is about: named ones, those with a prefix, or all of a group."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.model.ids import parse_job_run_id
from orchestrator.model.log_errors import LogNotFoundError
from orchestrator.model.log_streams import LoggedRun, LogGroup
from orchestrator.store import log_streams
from orchestrator.store.database import Transaction

_BEGIN: Final = "jr_"
_DIGITS: Final = re.compile(r"jr_([0-9a-f]{0,64})")


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """The streams of a group that a request asks for."""

    group: LogGroup
    names: Sequence[str] | None
    prefix: str

    @property
    def scope(self) -> str:
        """Return a text that differs where the selection does."""
        return "\n".join([self.group.name, self.prefix, *sorted(self.names or ())])

    def takes(self, run: LoggedRun) -> bool:
        """Say whether the run's stream is one of these, as far as its name's beginning and its group tell."""
        return run.is_of(self.group) and str(run.id).startswith(self.prefix)


def named(tx: Transaction, group: LogGroup, names: Iterable[str]) -> list[LoggedRun]:
    """Return the runs of these streams, oldest first.

    Raises:
        LogNotFoundError: one of them is not a stream of the group.
    """
    found = {}
    for name in names:
        run_id = parse_job_run_id(name)
        run = None if run_id is None else log_streams.find(tx, run_id)
        if run is None or not run.is_of(group):
            raise LogNotFoundError.stream()
        found[run.seq] = run
    return [run for _, run in sorted(found.items())]


def digits_in(prefix: str) -> str | None:
    """Return the digits with which an id begins if its name begins with `prefix`; None if no name can."""
    if _BEGIN.startswith(prefix):
        return ""
    match = _DIGITS.match(prefix)
    is_whole = match is not None and (match.end() == len(prefix) or len(match[1]) == 64)
    return match[1] if match and is_whole else None

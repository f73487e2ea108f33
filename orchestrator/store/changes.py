"""What has changed, in the order in which it did, for those who follow: steps of runs, and that definitions are others."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from orchestrator.model.records import Change, JobRun
from orchestrator.model.states import JobRunState
from orchestrator.store import job_runs
from orchestrator.store.codes import EVENTS, STATES
from orchestrator.store.database import Transaction

SELECT_PAGE: Final = """
SELECT c.seq, c.job_run_seq, t.event, t.state, r.started_on_ms + t.after_ms AS at_ms
FROM change AS c
LEFT JOIN job_run_transition AS t ON t.job_run_seq = c.job_run_seq AND t.number = c.number
LEFT JOIN job_run AS r ON r.seq = c.job_run_seq
WHERE c.seq > :after_seq ORDER BY c.seq LIMIT :limit
"""
SELECT_SPAN: Final = """
SELECT (SELECT min(seq) FROM change) AS first_seq, (SELECT max(seq) FROM change) AS last_seq
"""


@dataclass(frozen=True, slots=True)
class Span:
    """The numbers of the changes that are kept; both 0 where nothing has ever changed."""

    first_seq: int
    last_seq: int

    def can_follow(self, after_seq: int) -> bool:
        """Say whether all that came behind `after_seq` is still kept, and that number is one of ours."""
        return self.first_seq - 1 <= after_seq <= self.last_seq


def list_page(tx: Transaction, *, after_seq: int, limit: int) -> list[Change]:
    """Return up to `limit` changes behind `after_seq`, oldest first, each with its run as it is now."""
    rows = tx.execute(SELECT_PAGE, {"after_seq": after_seq, "limit": limit}).fetchall()
    runs = _runs(tx, {row["job_run_seq"] for row in rows if row["state"] is not None})
    return [_change(row, runs) for row in rows]


def span(tx: Transaction) -> Span:
    """Return which changes are kept."""
    row = tx.execute(SELECT_SPAN).fetchone()
    return Span(row["first_seq"] or 0, row["last_seq"] or 0)


def _runs(tx: Transaction, seqs: Iterable[int]) -> dict[int, JobRun]:
    return {seq: job_runs.get_by_seq(tx, seq) for seq in seqs}


def _change(row: sqlite3.Row, runs: dict[int, JobRun]) -> Change:
    state: JobRunState | None = None if row["state"] is None else STATES.word(row["state"])
    return Change(
        seq=row["seq"],
        run=runs.get(row["job_run_seq"]),
        is_of_run=row["job_run_seq"] is not None,
        event=EVENTS.word(row["event"]) if row["event"] else None,
        state=state,
        at_ms=row["at_ms"],
    )

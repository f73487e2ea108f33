"""What others are told about runs: rows in the order in which it happened, ready for any outlet that keeps its place."""

from typing import Final

from orchestrator.model.records import Event, EventKind, JobRun
from orchestrator.store import job_runs
from orchestrator.store.codes import KINDS, STATES
from orchestrator.store.database import Transaction

INSERT: Final = """
INSERT INTO event (job_run_seq, kind, state, at_ms) VALUES (:job_run_seq, :kind, :state, :at_ms) ON CONFLICT DO NOTHING
"""
SELECT_PAGE: Final = """
SELECT seq, job_run_seq, kind, state, at_ms FROM event WHERE seq > :after_seq ORDER BY seq LIMIT :limit
"""
SELECT_LAST: Final = "SELECT coalesce(max(seq), 0) FROM event"


def append(tx: Transaction, run: JobRun, kind: EventKind, *, at_ms: int) -> None:
    """Record that something is to be told about `run` as it is now; each kind once."""
    values = {
        "job_run_seq": run.seq,
        "kind": KINDS.number(kind),
        "state": STATES.number(run.state),
        "at_ms": at_ms,
    }
    tx.execute(INSERT, values)


def list_page(tx: Transaction, *, after_seq: int, limit: int) -> list[Event]:
    """Return up to `limit` events behind `after_seq`, oldest first, each with its run as it is now."""
    return [
        Event(
            seq=row["seq"],
            kind=KINDS.word(row["kind"]),
            state=STATES.word(row["state"]),
            at_ms=row["at_ms"],
            run=job_runs.get_by_seq(tx, row["job_run_seq"]),
        )
        for row in tx.execute(SELECT_PAGE, {"after_seq": after_seq, "limit": limit}).fetchall()
    ]


def last_seq(tx: Transaction) -> int:
    """Return the number of the last event; 0 where there is none."""
    return int(tx.execute(SELECT_LAST).fetchone()[0])

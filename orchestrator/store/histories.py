"""What has happened to each run: its acceptance, and every event that moved it since."""

from typing import Final

from orchestrator.model.records import Transition
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.store import change_log
from orchestrator.store.codes import EVENTS, STATES
from orchestrator.store.database import Transaction

SELECT: Final = """
SELECT t.number, t.event, t.state, r.started_on_ms + t.after_ms AS at_ms
FROM job_run AS r JOIN job_run_transition AS t ON t.job_run_seq = r.seq WHERE r.seq = :seq ORDER BY t.number
"""
INSERT_FIRST: Final = """
INSERT INTO job_run_transition (job_run_seq, number, state, after_ms) VALUES (:seq, 1, :state, 0)
"""
INSERT_NEXT: Final = """
INSERT INTO job_run_transition (job_run_seq, number, event, state, after_ms)
SELECT r.seq, (SELECT max(t.number) + 1 FROM job_run_transition AS t WHERE t.job_run_seq = :seq), :event, :state,
    :at_ms - r.started_on_ms
FROM job_run AS r WHERE r.seq = :seq
"""


def begin(tx: Transaction, seq: int, state: JobRunState) -> None:
    """Write that a run was accepted in `state`."""
    tx.execute(INSERT_FIRST, {"seq": seq, "state": STATES.number(state)})
    change_log.step(tx, seq)


def append(tx: Transaction, seq: int, event: RunEvent, state: JobRunState, *, at_ms: int) -> None:
    """Write that `event` has brought a run into `state`."""
    values = {"seq": seq, "event": EVENTS.number(event), "state": STATES.number(state), "at_ms": at_ms}
    tx.execute(INSERT_NEXT, values)
    change_log.step(tx, seq)


def read(tx: Transaction, seq: int) -> list[Transition]:
    """Return a run's history, oldest first. Each step begins in the state in which the one before it ended."""
    found: list[Transition] = []
    for row in tx.execute(SELECT, {"seq": seq}):
        step = Transition(
            seq=row["number"],
            from_state=found[-1].to_state if found else None,
            event=EVENTS.word(row["event"]) if row["event"] else None,
            to_state=STATES.word(row["state"]),
            at_ms=row["at_ms"],
        )
        found.append(step)
    return found

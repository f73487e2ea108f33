"""Writes down that something has changed, in the transaction that changes it. What reads it is changes.py."""

from typing import Final

from orchestrator.store.database import Transaction

KEPT: Final = 20_000
TIDIED_EVERY: Final = 256
INSERT_STEP: Final = """
INSERT INTO change (job_run_seq, number)
SELECT :seq, max(number) FROM job_run_transition WHERE job_run_seq = :seq
"""
INSERT_DEFINITION: Final = "INSERT INTO change DEFAULT VALUES"
DELETE_OLDEST: Final = "DELETE FROM change WHERE seq <= :upto_seq"


def step(tx: Transaction, job_run_seq: int) -> None:
    """Say that a run has made the step that is the last of its history."""
    _tidy(tx, tx.execute(INSERT_STEP, {"seq": job_run_seq}).lastrowid or 0)


def definition(tx: Transaction) -> None:
    """Say that a job, a trigger, a workflow or a run of one, or a bookmark is not as it was."""
    _tidy(tx, tx.execute(INSERT_DEFINITION).lastrowid or 0)


def _tidy(tx: Transaction, seq: int) -> None:
    """Let the oldest go, some at a time. The last is always kept: SQLite counts on from it."""
    if seq % TIDIED_EVERY == 0:
        tx.execute(DELETE_OLDEST, {"upto_seq": seq - KEPT})

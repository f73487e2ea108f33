"""Chains of runs and the firings that make them."""

import sqlite3
from collections.abc import Iterable
from typing import Final

from orchestrator.model.ids import JobRunId
from orchestrator.model.records import Firing, Invocation
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import End
from orchestrator.store.database import Transaction

INSERT_CHAIN: Final = "INSERT INTO chain (started_on_ms) VALUES (:at_ms) RETURNING chain_key"
INSERT_FIRING: Final = """
INSERT INTO firing (trigger_name, chain_key, tick_ms, invocation_id, invocation_request, at_ms)
VALUES (:trigger_name, :chain_key, :tick_ms, :invocation_id, :invocation_request, :at_ms)
"""
SELECT_FIRING: Final = "SELECT 1 FROM firing WHERE trigger_name = :trigger_name AND chain_key = :chain_key"
SELECT_FIRING_BY_TICK: Final = "SELECT 1 FROM firing WHERE trigger_name = :trigger_name AND tick_ms = :tick_ms"
SELECT_FIRING_BY_INVOCATION: Final = """
SELECT invocation_request FROM firing WHERE invocation_id = :invocation_id
"""
SELECT_LAST_FIRING: Final = """
SELECT trigger_name, chain_key, tick_ms, at_ms FROM firing
WHERE trigger_name = :trigger_name ORDER BY firing_key DESC LIMIT 1
"""
SELECT_FIRINGS_OF_CHAIN: Final = """
SELECT trigger_name, chain_key, tick_ms, at_ms FROM firing WHERE chain_key = :chain_key ORDER BY firing_key
"""
# The newest family is the one of which somebody, or a trigger, started an attempt last; its last attempt is what counts.
SELECT_NEWEST_OF_JOB: Final = """
SELECT r.base_id, r.attempt, r.state, r.completed_on_ms, r.retry_due_ms FROM job_run AS r WHERE r.base_id = (
    SELECT f.base_id FROM job_run AS f
    WHERE f.chain_key = :chain_key AND f.job_key = (SELECT job_key FROM job WHERE name = :job_name) AND f.retry_number = 0
    ORDER BY f.seq DESC LIMIT 1)
ORDER BY r.attempt DESC LIMIT 1
"""
SELECT_INHERITED_OF_JOB: Final = """
SELECT r.base_id, r.attempt, r.state, r.completed_on_ms, r.retry_due_ms FROM job_run AS r WHERE r.base_id = (
    SELECT f.base_id FROM chain_inherited_run AS i JOIN job_run AS f ON f.seq = i.job_run_seq
    WHERE i.chain_key = :chain_key AND f.job_key = (SELECT job_key FROM job WHERE name = :job_name) AND f.retry_number = 0
    ORDER BY i.job_run_seq DESC LIMIT 1)
ORDER BY r.attempt DESC LIMIT 1
"""
SELECT_SEQS: Final = "SELECT seq FROM job_run WHERE chain_key = :chain_key ORDER BY job_key, seq"
SELECT_INHERITED_SEQS: Final = """
SELECT job_run_seq FROM chain_inherited_run WHERE chain_key = :chain_key ORDER BY job_run_seq
"""
SELECT_IS_LIVE: Final = """
SELECT 1 FROM job_run
WHERE chain_key = :chain_key AND (completed_on_ms IS NULL OR retry_due_ms IS NOT NULL) LIMIT 1
"""
INSERT_INHERITED: Final = "INSERT INTO chain_inherited_run (chain_key, job_run_seq) VALUES (:chain_key, :seq)"


def create(tx: Transaction, *, at_ms: int) -> int:
    """Begin a chain and return its key."""
    return int(tx.execute(INSERT_CHAIN, {"at_ms": at_ms}).fetchone()["chain_key"])


def record_firing(
    tx: Transaction,
    trigger_name: str,
    chain_key: int,
    *,
    tick_ms: int | None = None,
    invocation: Invocation | None = None,
    at_ms: int,
) -> None:
    """Record that a trigger fires. The caller has seen that it has not fired yet, in this chain and for this instant."""
    values = {
        "trigger_name": trigger_name,
        "chain_key": chain_key,
        "tick_ms": tick_ms,
        "invocation_id": invocation.id_digest if invocation else None,
        "invocation_request": invocation.request_digest if invocation else None,
        "at_ms": at_ms,
    }
    tx.execute(INSERT_FIRING, values)


def has_fired(tx: Transaction, trigger_name: str, chain_key: int) -> bool:
    """Say whether a trigger has fired in a chain."""
    values = {"trigger_name": trigger_name, "chain_key": chain_key}
    return tx.execute(SELECT_FIRING, values).fetchone() is not None


def has_fired_for(tx: Transaction, trigger_name: str, tick_ms: int) -> bool:
    """Say whether a trigger has fired for an instant of its schedule."""
    values = {"trigger_name": trigger_name, "tick_ms": tick_ms}
    return tx.execute(SELECT_FIRING_BY_TICK, values).fetchone() is not None


def find_firing_request(tx: Transaction, id_digest: bytes) -> bytes | None:
    """Return the digest of the request of the call that made a trigger fire before under this id."""
    row = tx.execute(SELECT_FIRING_BY_INVOCATION, {"invocation_id": id_digest}).fetchone()
    return None if row is None else row["invocation_request"]


def last_firing(tx: Transaction, trigger_name: str) -> Firing | None:
    """Return the trigger's last firing."""
    row = tx.execute(SELECT_LAST_FIRING, {"trigger_name": trigger_name}).fetchone()
    return None if row is None else _firing(row)


def firings(tx: Transaction, chain_key: int) -> list[Firing]:
    """Return the firings of a chain, oldest first: the first is its root, unless it was begun by hand."""
    return [_firing(row) for row in tx.execute(SELECT_FIRINGS_OF_CHAIN, {"chain_key": chain_key})]


def ends(tx: Transaction, chain_key: int, job_names: Iterable[str]) -> dict[str, End]:
    """Return how the newest attempt of each job in a chain ended, where it has ended for good."""
    found = {}
    for name in job_names:
        values = {"chain_key": chain_key, "job_name": name}
        row = tx.execute(SELECT_NEWEST_OF_JOB, values).fetchone()
        row = row or tx.execute(SELECT_INHERITED_OF_JOB, values).fetchone()
        if row is not None and row["completed_on_ms"] is not None and row["retry_due_ms"] is None:
            found[name] = End(run_id=JobRunId(row["base_id"], row["attempt"]), state=JobRunState(row["state"]))
    return found


def run_seqs(tx: Transaction, chain_key: int) -> list[int]:
    """Return the runs of a chain, and those that it has taken over."""
    values = {"chain_key": chain_key}
    own = [int(row["seq"]) for row in tx.execute(SELECT_SEQS, values)]
    inherited = [int(row["job_run_seq"]) for row in tx.execute(SELECT_INHERITED_SEQS, values)]
    return sorted({*own, *inherited})


def is_live(tx: Transaction, chain_key: int) -> bool:
    """Say whether a run of the chain has not ended, or is to be retried."""
    return tx.execute(SELECT_IS_LIVE, {"chain_key": chain_key}).fetchone() is not None


def inherit(tx: Transaction, chain_key: int, seq: int) -> None:
    """Let a chain take over a run of another one."""
    tx.execute(INSERT_INHERITED, {"chain_key": chain_key, "seq": seq})


def _firing(row: sqlite3.Row) -> Firing:
    return Firing(
        trigger_name=row["trigger_name"], chain_key=row["chain_key"], tick_ms=row["tick_ms"], at_ms=row["at_ms"]
    )

"""Runs that have been over for long, and what goes with them.

What goes goes whole: a chain with all its runs and firings, or, where a run is of no chain, a run with all its attempts.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.model.ids import JobRunId
from orchestrator.model.records import EventKind
from orchestrator.store.codes import KINDS
from orchestrator.store.database import Transaction

SELECT_CHAINS: Final = """
SELECT chain_key AS place, started_on_ms, chain_key, NULL AS base_id FROM chain
WHERE chain_key > :after ORDER BY chain_key LIMIT :limit
"""
SELECT_RUNS: Final = """
SELECT seq AS place, started_on_ms, chain_key, base_id FROM job_run WHERE seq > :after ORDER BY seq LIMIT :limit
"""
IS_CHAIN_NEEDED: Final = """
SELECT EXISTS (
    SELECT 1 FROM job_run WHERE chain_key = :chain_key
    AND (completed_on_ms IS NULL OR completed_on_ms >= :before_ms OR retry_due_ms IS NOT NULL)
) OR EXISTS (
    SELECT 1 FROM workflow_run WHERE chain_key = :chain_key
    AND (completed_on_ms IS NULL OR completed_on_ms >= :before_ms)
) OR EXISTS (
    SELECT 1 FROM job_run AS r JOIN chain_inherited_run AS i ON i.job_run_seq = r.seq WHERE r.chain_key = :chain_key
) OR EXISTS (
    SELECT 1 FROM firing AS f JOIN job_trigger AS t ON t.name = f.trigger_name WHERE f.chain_key = :chain_key AND (
        NOT EXISTS (SELECT 1 FROM firing AS n WHERE n.trigger_name = f.trigger_name AND n.firing_key > f.firing_key)
        OR (f.tick_ms IS NOT NULL AND NOT EXISTS (
            SELECT 1 FROM firing AS n WHERE n.trigger_name = f.trigger_name AND n.tick_ms > f.tick_ms)))
)
"""
IS_FAMILY_NEEDED: Final = """
SELECT EXISTS (
    SELECT 1 FROM job_run WHERE base_id = :base_id
    AND (completed_on_ms IS NULL OR completed_on_ms >= :before_ms OR retry_due_ms IS NOT NULL)
)
"""
_STATE_CHANGE: Final = KINDS.number(EventKind.STATE_CHANGE)
_OLD_RUN: Final = f"""
SELECT r.seq, r.base_id, r.attempt,
    (SELECT e.seq FROM event AS e WHERE e.job_run_seq = r.seq AND e.kind = {_STATE_CHANGE}) AS end_seq
FROM job_run AS r
"""  # noqa: S608 - a number of ours
SELECT_OF_CHAIN: Final = _OLD_RUN + "WHERE r.chain_key = :chain_key ORDER BY r.job_key, r.seq LIMIT :limit"
SELECT_OF_FAMILY: Final = _OLD_RUN + "WHERE r.base_id = :base_id ORDER BY r.attempt LIMIT :limit"
SELECT_ENDED: Final = f"""
SELECT r.seq, r.base_id, r.attempt, e.seq AS end_seq FROM event AS e CROSS JOIN job_run AS r ON r.seq = e.job_run_seq
WHERE e.seq > :after AND e.kind = {_STATE_CHANGE} ORDER BY e.seq LIMIT :limit
"""  # noqa: S608
IS_CHAIN_LEFT: Final = "SELECT EXISTS (SELECT 1 FROM job_run WHERE chain_key = :chain_key)"
DELETE_RUN: Final = "DELETE FROM job_run WHERE seq = :seq"
DELETE_FIRINGS: Final = "DELETE FROM firing WHERE chain_key = :chain_key"
DELETE_WORKFLOW_RUN: Final = "DELETE FROM workflow_run WHERE chain_key = :chain_key"
DELETE_CHAIN: Final = "DELETE FROM chain WHERE chain_key = :chain_key"
_LOOK: Final = 200


@dataclass(frozen=True, slots=True)
class OldRun:
    """An ended run."""

    seq: int
    id: JobRunId
    end_seq: int | None  # its place in the order of all ends; None where nobody was told of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What nobody needs any more: a chain, or the attempts of a run; with some of its runs, the oldest first."""

    chain_key: int | None
    base: bytes
    runs: Sequence[OldRun]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one look found: runs for one slice, and where the next look goes on."""

    spent: Sequence[Spent]
    after: int  # if these are gone
    passed: int  # if they stay
    is_last: bool


def find_spent_chains(tx: Transaction, *, after: int, before_ms: int, now_ms: int, limit: int) -> Found:
    """Look for chains behind `after` of which all ended before `before_ms`, up to `limit` of their runs."""
    return _find(tx, SELECT_CHAINS, after, limit, before_ms=before_ms, now_ms=now_ms)


def find_spent_runs(tx: Transaction, *, after: int, before_ms: int, now_ms: int, limit: int) -> Found:
    """Look for runs of no chain behind `after` of which all attempts ended before `before_ms`."""
    return _find(tx, SELECT_RUNS, after, limit, before_ms=before_ms, now_ms=now_ms)


def retire(tx: Transaction, found: Iterable[Spent], *, before_ms: int) -> int:
    """Delete what is still spent; return how many runs and chains went."""
    gone = 0
    for spent in found:
        if _is_needed(tx, spent.chain_key, spent.base, before_ms):
            continue
        for run in spent.runs:
            gone += tx.execute(DELETE_RUN, {"seq": run.seq}).rowcount
        key = {"chain_key": spent.chain_key}
        if spent.chain_key is not None and not tx.execute(IS_CHAIN_LEFT, key).fetchone()[0]:
            tx.execute(DELETE_FIRINGS, key)
            tx.execute(DELETE_WORKFLOW_RUN, key)
            gone += tx.execute(DELETE_CHAIN, key).rowcount
    return gone


def list_ended(tx: Transaction, *, after: int, limit: int) -> list[OldRun]:
    """Return up to `limit` ended runs in the order of their ends, behind the place `after`."""
    return [_old_run(row) for row in tx.execute(SELECT_ENDED, {"after": after, "limit": limit})]


def _find(tx: Transaction, statement: str, after: int, limit: int, *, before_ms: int, now_ms: int) -> Found:
    """Collect a slice. A page with nothing old is the last, unless the clock was ahead when it was written."""
    rows = tx.execute(statement, {"after": after, "limit": _LOOK}).fetchall()
    spent: dict[tuple[int | None, bytes], Spent] = {}
    room, passed = limit, after
    for row in rows:
        is_old = row["started_on_ms"] < before_ms
        # A run of a chain is looked at with its chain.
        is_ours = statement is SELECT_CHAINS or row["chain_key"] is None
        base = row["base_id"] or b""
        one = (row["chain_key"], base)
        if is_old and is_ours and one not in spent and not _is_needed(tx, *one, before_ms):
            runs = _runs(tx, *one, limit + 1)
            if len(runs) > room and spent:
                return Found(spent=list(spent.values()), after=passed, passed=passed, is_last=False)
            spent[one] = Spent(chain_key=one[0], base=base, runs=runs[:limit])
            if len(runs) > limit:
                return Found(spent=list(spent.values()), after=passed, passed=row["place"], is_last=False)
            room -= len(runs)
        passed = row["place"]
    is_young = all(before_ms <= row["started_on_ms"] <= now_ms for row in rows)
    return Found(spent=list(spent.values()), after=passed, passed=passed, is_last=len(rows) < _LOOK or is_young)


def _is_needed(tx: Transaction, chain_key: int | None, base: bytes, before_ms: int) -> bool:
    values = {"chain_key": chain_key, "base_id": base, "before_ms": before_ms}
    statement = IS_FAMILY_NEEDED if chain_key is None else IS_CHAIN_NEEDED
    return bool(tx.execute(statement, values).fetchone()[0])


def _runs(tx: Transaction, chain_key: int | None, base: bytes, limit: int) -> list[OldRun]:
    values = {"chain_key": chain_key, "base_id": base, "limit": limit}
    rows = tx.execute(SELECT_OF_FAMILY if chain_key is None else SELECT_OF_CHAIN, values)
    return [_old_run(row) for row in rows]


def _old_run(row: sqlite3.Row) -> OldRun:
    return OldRun(row["seq"], JobRunId(row["base_id"], row["attempt"]), row["end_seq"])

"""When runs were alive, for pictures of time: by their ends, and those that have none."""

import sqlite3
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from orchestrator.model.ids import JobRunId
from orchestrator.model.run_times import Bar
from orchestrator.model.states import JobRunState
from orchestrator.store.database import Transaction

_BAR: Final = """
SELECT r.seq, r.base_id, r.attempt, r.state, r.trigger_name, r.chain_key, r.started_on_ms, r.launched_on_ms,
    r.completed_on_ms, r.dpu, r.job_key, j.name AS job_name
FROM job_run AS r INDEXED BY {index} JOIN job AS j ON j.job_key = r.job_key
"""
SELECT_ENDED_WITHIN: Final = _BAR.format(index="job_run_by_end") + (
    "WHERE r.completed_on_ms >= :since_ms AND r.completed_on_ms < :until_ms ORDER BY r.completed_on_ms DESC LIMIT :limit"
)
SELECT_ENDED_LATER: Final = _BAR.format(index="job_run_by_end") + (
    "WHERE r.completed_on_ms >= :until_ms ORDER BY r.completed_on_ms LIMIT :limit"
)
SELECT_LIVE: Final = _BAR.format(index="job_run_live") + ("WHERE r.completed_on_ms IS NULL ORDER BY r.seq LIMIT :limit")
SELECT_PREDECESSORS: Final = """
SELECT base_id, attempt FROM job_run_predecessor WHERE job_run_seq = :seq ORDER BY position
"""


def list_alive(
    tx: Transaction, *, since_ms: int, until_ms: int, job_key: int | None, limit: int
) -> tuple[list[Bar], bool]:
    """Return up to `limit` runs that waited or ran in that time, in order of acceptance, and whether there may be more.

    Where there are more, those that ended last before `until_ms` are told, and those that had not ended.
    """
    values = {"since_ms": since_ms, "until_ms": until_ms, "limit": limit}
    parts = [
        tx.execute(statement, values).fetchall() for statement in (SELECT_LIVE, SELECT_ENDED_LATER, SELECT_ENDED_WITHIN)
    ]
    is_cut = any(len(part) == limit for part in parts)
    rows = [
        row
        for part in parts
        for row in part
        if row["started_on_ms"] < until_ms and (job_key is None or row["job_key"] == job_key)
    ]
    bars = sorted((_bar(row) for row in rows[:limit]), key=lambda bar: bar.seq)
    return _with_predecessors(tx, bars), is_cut or len(rows) > limit


def _with_predecessors(tx: Transaction, bars: Iterable[Bar]) -> list[Bar]:
    return [
        bar
        if bar.trigger_name is None
        else replace(
            bar,
            predecessors=[
                JobRunId(row["base_id"], row["attempt"]) for row in tx.execute(SELECT_PREDECESSORS, {"seq": bar.seq})
            ],
        )
        for bar in bars
    ]


def _bar(row: sqlite3.Row) -> Bar:
    return Bar(
        seq=row["seq"],
        run_id=JobRunId(row["base_id"], row["attempt"]),
        job_name=row["job_name"],
        state=JobRunState(row["state"]),
        trigger_name=row["trigger_name"],
        chain_key=row["chain_key"],
        started_on_ms=row["started_on_ms"],
        launched_on_ms=row["launched_on_ms"],
        completed_on_ms=row["completed_on_ms"],
        dpu=row["dpu"],
    )

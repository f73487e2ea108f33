"""When runs were alive, for pictures of time: by their ends, and those that have none."""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from orchestrator.model.ids import JobRunId
from orchestrator.model.run_times import Bar
from orchestrator.model.states import JobRunState
from orchestrator.store.database import Transaction

_BAR: Final = """
SELECT r.seq, r.base_id, r.attempt, r.state, r.trigger_name, r.chain_key, r.started_on_ms, r.launched_on_ms,
    r.completed_on_ms, r.dpu, j.name AS job_name
FROM {runs} JOIN job AS j ON j.job_key = r.job_key WHERE {which}
"""
SELECT_ENDED_WITHIN: Final = _BAR.format(
    runs="job_run AS r INDEXED BY job_run_by_end",
    which="r.completed_on_ms >= :since_ms AND r.completed_on_ms < :until_ms ORDER BY r.completed_on_ms DESC LIMIT :limit",
)
# Of those that ended next. A run that lasted while so many others ended is missed.
SELECT_ENDED_NEXT: Final = _BAR.format(
    runs="""(
    SELECT seq FROM job_run INDEXED BY job_run_by_end
    WHERE completed_on_ms >= :until_ms ORDER BY completed_on_ms LIMIT :look
) AS n JOIN job_run AS r ON r.seq = n.seq""",
    which="r.started_on_ms < :until_ms",
)
SELECT_LIVE: Final = _BAR.format(
    runs="job_run AS r INDEXED BY job_run_live",
    which="r.completed_on_ms IS NULL AND r.started_on_ms < :until_ms ORDER BY r.seq DESC LIMIT :limit",
)
SELECT_LIVE_OF_JOB: Final = _BAR.format(
    runs="job_run AS r INDEXED BY job_run_live_by_job",
    which="r.job_key = :job_key AND r.completed_on_ms IS NULL AND r.started_on_ms < :until_ms "
    "ORDER BY r.seq DESC LIMIT :limit",
)
SELECT_OF_JOB: Final = _BAR.format(
    runs="job_run AS r INDEXED BY job_run_by_job",
    which="r.job_key = :job_key AND r.seq < :before_seq ORDER BY r.seq DESC LIMIT :limit",
)
SELECT_PREDECESSORS: Final = """
SELECT base_id, attempt FROM job_run_predecessor WHERE job_run_seq = :seq ORDER BY position
"""
_MOST_LOOKED: Final = 20_000
_SLICE: Final = 500
_BEYOND_ALL: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Alive:
    """The runs that waited or ran in a time, in order of acceptance."""

    bars: Sequence[Bar]
    is_cut: bool  # there were more
    whole_from_ms: int | None  # from here on none is missing; None: some are missing from all of it


def list_alive(tx: Transaction, *, since_ms: int, until_ms: int, limit: int) -> Alive:
    """Return up to `limit` runs; where there were more, those that had not ended, and those that ended last."""
    values = {"since_ms": since_ms, "until_ms": until_ms, "limit": limit + 1, "look": _MOST_LOOKED}
    live = tx.execute(SELECT_LIVE, values).fetchall()
    over = [*live, *tx.execute(SELECT_ENDED_NEXT, values)][: limit + 1]
    within = tx.execute(SELECT_ENDED_WITHIN, values).fetchall()
    rows = [*over, *within]
    if len(rows) <= limit:
        return Alive(bars=_bars(tx, rows), is_cut=False, whole_from_ms=since_ms)
    kept = rows[:limit]
    whole_from_ms = kept[-1]["completed_on_ms"] + 1 if len(over) < limit else None
    return Alive(bars=_bars(tx, kept), is_cut=True, whole_from_ms=whole_from_ms)


def list_alive_of_job(tx: Transaction, job_key: int, *, since_ms: int, until_ms: int, limit: int) -> Alive:
    """Return up to `limit` runs of one job; where there were more, those that had not ended, and those accepted last.

    One that lasted while 500 of the job's later ones came and went is missed.
    """
    values = {"job_key": job_key, "until_ms": until_ms, "limit": limit + 1}
    found = tx.execute(SELECT_LIVE_OF_JOB, values).fetchall()
    before_seq, looked = _BEYOND_ALL, 0
    while looked < _MOST_LOOKED and len(found) <= limit:
        values = {"job_key": job_key, "before_seq": before_seq, "limit": _SLICE}
        rows = tx.execute(SELECT_OF_JOB, values).fetchall()
        ended = [row for row in rows if row["completed_on_ms"] is not None]
        found += [row for row in ended if row["completed_on_ms"] >= since_ms and row["started_on_ms"] < until_ms]
        if len(rows) < _SLICE or all(row["completed_on_ms"] < since_ms for row in ended):
            break
        before_seq, looked = rows[-1]["seq"], looked + len(rows)
    is_cut = looked >= _MOST_LOOKED or len(found) > limit
    return Alive(bars=_bars(tx, found[:limit]), is_cut=is_cut, whole_from_ms=None if is_cut else since_ms)


def _bars(tx: Transaction, rows: Iterable[sqlite3.Row]) -> list[Bar]:
    return [_with_predecessors(tx, _bar(row)) for row in sorted(rows, key=lambda row: row["seq"])]


def _with_predecessors(tx: Transaction, bar: Bar) -> Bar:
    if bar.trigger_name is None:
        return bar
    named = tx.execute(SELECT_PREDECESSORS, {"seq": bar.seq})
    return replace(bar, predecessors=[JobRunId(row["base_id"], row["attempt"]) for row in named])


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

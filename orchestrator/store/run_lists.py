"""Lists of runs as people ask for them. One look goes through a bounded number of rows, whatever is stored.

Live runs and those that did not end well have indexes: they are few among many. All others are looked at in their order.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from orchestrator.model.records import JobRun
from orchestrator.model.run_filter import RunFilter, RunOrder, RunPlace
from orchestrator.model.states import TERMINAL, JobRunState
from orchestrator.store import job_runs
from orchestrator.store.database import Transaction

_UNWELL: Final = "state IN ('STOPPED', 'FAILED', 'TIMEOUT', 'ERROR')"
_LOOK: Final = "SELECT seq, job_key, state, trigger_name, started_on_ms, completed_on_ms FROM job_run"
_DOWN: Final = "AND seq < :seq ORDER BY seq DESC LIMIT :limit"
_UP: Final = "AND seq > :seq ORDER BY seq LIMIT :limit"
_ALL: Final = f"{_LOOK} WHERE TRUE"
_OF_JOB: Final = f"{_LOOK} INDEXED BY job_run_by_job WHERE job_key = :job_key"
_LIVE: Final = f"{_LOOK} INDEXED BY job_run_live WHERE completed_on_ms IS NULL"
_LIVE_OF_JOB: Final = f"{_LOOK} INDEXED BY job_run_live_by_job WHERE job_key = :job_key AND completed_on_ms IS NULL"
_ENDED_SO: Final = f"{_LOOK} INDEXED BY job_run_unwell WHERE state = :state AND {_UNWELL}"
_ENDED_SO_OF_JOB: Final = (
    f"{_LOOK} INDEXED BY job_run_unwell_by_job WHERE job_key = :job_key AND state = :state AND {_UNWELL}"
)
SELECT_NEWEST: Final = f"{_ALL} {_DOWN}"
SELECT_OLDEST: Final = f"{_ALL} {_UP}"
SELECT_NEWEST_OF_JOB: Final = f"{_OF_JOB} {_DOWN}"
SELECT_OLDEST_OF_JOB: Final = f"{_OF_JOB} {_UP}"
SELECT_NEWEST_LIVE: Final = f"{_LIVE} {_DOWN}"
SELECT_OLDEST_LIVE: Final = f"{_LIVE} {_UP}"
SELECT_NEWEST_LIVE_OF_JOB: Final = f"{_LIVE_OF_JOB} {_DOWN}"
SELECT_OLDEST_LIVE_OF_JOB: Final = f"{_LIVE_OF_JOB} {_UP}"
SELECT_NEWEST_ENDED_SO: Final = f"{_ENDED_SO} {_DOWN}"
SELECT_OLDEST_ENDED_SO: Final = f"{_ENDED_SO} {_UP}"
SELECT_NEWEST_ENDED_SO_OF_JOB: Final = f"{_ENDED_SO_OF_JOB} {_DOWN}"
SELECT_OLDEST_ENDED_SO_OF_JOB: Final = f"{_ENDED_SO_OF_JOB} {_UP}"
SELECT_LAST_ENDED: Final = f"""
{_LOOK} INDEXED BY job_run_by_end
WHERE completed_on_ms IS NOT NULL AND (completed_on_ms, seq) < (:end_ms, :seq)
ORDER BY completed_on_ms DESC, seq DESC LIMIT :limit
"""
COUNT_LIVE_OF_JOB: Final = f"SELECT count(*) FROM ({_LIVE_OF_JOB} LIMIT :limit)"  # noqa: S608 - the words above
_SLICE: Final = 500
_MOST_LOOKED: Final = 20_000
_MOST_READ: Final = 5_000
_BEYOND_ALL: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class RunPage:
    """A part of a list, and where to go on; None: there is no more."""

    runs: Sequence[JobRun]
    place: RunPlace | None


def list_page(tx: Transaction, wanted: RunFilter, *, order: RunOrder, after: RunPlace | None, limit: int) -> RunPage:
    """Return up to `limit` of the runs that are wanted, behind the place `after`."""
    found: list[JobRun] = []
    place = after or _beginning(order)
    left = _MOST_LOOKED if wanted.matches is None else _MOST_READ
    size = min(limit, _SLICE)  # where all fit, no more need be looked at
    while left > 0:
        rows, is_last = _slice(tx, wanted, order, place, size)
        size = _SLICE
        for row in rows:
            left -= 1
            place = RunPlace(row["seq"], row["completed_on_ms"] or 0)
            if _fits(row, wanted, order):
                run = job_runs.get_by_seq(tx, row["seq"])
                if wanted.matches is None or wanted.matches(run):
                    found.append(run)
                    if len(found) == limit:
                        return RunPage(found, place)
        if is_last or _is_out_of_reach(rows, wanted, order):
            return RunPage(found, None)
    return RunPage(found, place)


def count_live(tx: Transaction, job_key: int, *, limit: int) -> int:
    """Return how many runs of a job have not ended; `limit` where there are that many or more."""
    return int(tx.execute(COUNT_LIVE_OF_JOB, {"job_key": job_key, "limit": limit}).fetchone()[0])


def _beginning(order: RunOrder) -> RunPlace:
    return RunPlace(0) if order == "oldest" else RunPlace(_BEYOND_ALL, _BEYOND_ALL)


def _slice(
    tx: Transaction, wanted: RunFilter, order: RunOrder, place: RunPlace, size: int
) -> tuple[list[sqlite3.Row], bool]:
    """Return the next rows to look at, in their order, and whether they are the last."""
    values = {"job_key": wanted.job_key, "seq": place.seq, "end_ms": place.end_ms, "limit": size}
    if order == "ended":
        rows = tx.execute(SELECT_LAST_ENDED, values).fetchall()
        return rows, len(rows) < size
    is_up = order == "oldest"
    parts = [
        tx.execute(statement, {**values, "state": state}).fetchall()
        for statement, state in _sources(wanted, is_up=is_up)
    ]
    full = [part[-1]["seq"] for part in parts if len(part) == size]
    rows = sorted(chain.from_iterable(parts), key=lambda row: row["seq"], reverse=not is_up)
    if full:  # beyond the nearest of these there may be rows that were not read
        rows = [row for row in rows if (row["seq"] <= min(full) if is_up else row["seq"] >= max(full))]
    return rows, not full


def _sources(wanted: RunFilter, *, is_up: bool) -> list[tuple[str, str | None]]:
    """Return the statements that have all that is wanted, and little else."""
    is_all = wanted.job_key is None
    if not wanted.states or JobRunState.SUCCEEDED in wanted.states:
        pair = (SELECT_NEWEST, SELECT_OLDEST) if is_all else (SELECT_NEWEST_OF_JOB, SELECT_OLDEST_OF_JOB)
        return [(pair[is_up], None)]
    found: list[tuple[str, str | None]] = []
    if wanted.states - TERMINAL:
        pair = (
            (SELECT_NEWEST_LIVE, SELECT_OLDEST_LIVE)
            if is_all
            else (SELECT_NEWEST_LIVE_OF_JOB, SELECT_OLDEST_LIVE_OF_JOB)
        )
        found.append((pair[is_up], None))
    ended = (
        (SELECT_NEWEST_ENDED_SO, SELECT_OLDEST_ENDED_SO)
        if is_all
        else (SELECT_NEWEST_ENDED_SO_OF_JOB, SELECT_OLDEST_ENDED_SO_OF_JOB)
    )
    return [*found, *((ended[is_up], state) for state in sorted(wanted.states & TERMINAL))]


def _fits(row: sqlite3.Row, wanted: RunFilter, order: RunOrder) -> bool:
    return (
        (not wanted.states or row["state"] in wanted.states)
        and (wanted.trigger_name is None or row["trigger_name"] == wanted.trigger_name)
        and (wanted.since_ms is None or row["started_on_ms"] >= wanted.since_ms)
        and (wanted.until_ms is None or row["started_on_ms"] < wanted.until_ms)
        and (order != "ended" or wanted.job_key is None or row["job_key"] == wanted.job_key)
    )


def _is_out_of_reach(rows: Sequence[sqlite3.Row], wanted: RunFilter, order: RunOrder) -> bool:
    """Say whether all that follows lies outside of the time asked for: a whole slice did. A clock set back is not so far off."""
    if order == "oldest":
        return (
            wanted.until_ms is not None
            and len(rows) >= _SLICE
            and all(row["started_on_ms"] >= wanted.until_ms for row in rows)
        )
    if order == "newest":
        return (
            wanted.since_ms is not None
            and len(rows) >= _SLICE
            and all(row["started_on_ms"] < wanted.since_ms for row in rows)
        )
    return (
        wanted.since_ms is not None
        and len(rows) >= _SLICE
        and all((row["completed_on_ms"] or 0) < wanted.since_ms for row in rows)
    )

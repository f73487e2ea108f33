"""How much there is, for those who watch the daemon: all that the store knows in one look, and the room that it takes."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator.model.records import EventKind
from orchestrator.model.states import TERMINAL, JobRunState
from orchestrator.store import events
from orchestrator.store.codes import KINDS, STATES
from orchestrator.store.database import Transaction

_LIVE: Final = [state for state in JobRunState if state not in TERMINAL]
_ENDS: Final = (JobRunState.SUCCEEDED, JobRunState.FAILED, JobRunState.TIMEOUT, JobRunState.STOPPED)
"""Those of which there are events."""
_OF_LIVE: Final = ", ".join(f"total(state = '{state}') AS {state}" for state in _LIVE)
_OF_ENDS: Final = ", ".join(f"total(state = {STATES.number(state)}) AS {state}" for state in _ENDS)
COUNT_LIVE: Final = f"SELECT {_OF_LIVE} FROM job_run INDEXED BY job_run_live WHERE completed_on_ms IS NULL"  # noqa: S608 - words and numbers of ours
COUNT_ENDS: Final = f"""
SELECT {_OF_ENDS} FROM event WHERE seq > :after_seq AND kind = {KINDS.number(EventKind.STATE_CHANGE)}
"""  # noqa: S608
SELECT_TRIES: Final = "SELECT name, tries FROM outlet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one look has counted."""

    live: Mapping[JobRunState, int]
    ends: Mapping[JobRunState, int]  # behind the event that the look began at, up to `last_seq`
    failed_tries: Mapping[str, int]  # how many tries of an outlet have failed in a row, by its name
    last_seq: int


def count(tx: Transaction, *, after_seq: int) -> Counts:
    """Count the live runs, those that have ended behind the event `after_seq`, and the tries of outlets that have failed."""
    live = tx.execute(COUNT_LIVE).fetchone()
    ends = tx.execute(COUNT_ENDS, {"after_seq": after_seq}).fetchone()
    return Counts(
        live={state: int(live[state]) for state in _LIVE},
        ends={state: int(ends[state]) for state in _ENDS},
        failed_tries={row["name"]: row["tries"] for row in tx.execute(SELECT_TRIES)},
        last_seq=events.last_seq(tx),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """The room that the database takes, and that is left beside it."""

    database_bytes: int
    log_bytes: int  # the write-ahead log
    free_bytes: int


def room(database: Path) -> Room:
    """Look at the files of the database at `database`, and at their disk."""
    log_bytes = 0
    with suppress(FileNotFoundError):
        log_bytes = database.with_name(f"{database.name}-wal").stat().st_size
    return Room(
        database_bytes=database.stat().st_size,
        log_bytes=log_bytes,
        free_bytes=shutil.disk_usage(database.parent).free,
    )

"""How much there is, for those who watch the daemon: all that the store knows in one look, and the room that it takes."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator.model.records import EventKind
from orchestrator.model.states import JobRunState
from orchestrator.store import events
from orchestrator.store.codes import KINDS, STATES
from orchestrator.store.database import Transaction

COUNT_LIVE: Final = """
SELECT state, count(*) AS runs FROM job_run INDEXED BY job_run_live WHERE completed_on_ms IS NULL GROUP BY state
"""
COUNT_ENDS: Final = f"""
SELECT state, count(*) AS runs FROM event WHERE seq > :after_seq AND kind = {KINDS.number(EventKind.STATE_CHANGE)}
GROUP BY state
"""  # noqa: S608 - a number of ours
COUNT_UNTOLD: Final = "SELECT name, (SELECT count(*) FROM event WHERE seq > place) AS events FROM outlet"


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What one look has counted."""

    live: Mapping[JobRunState, int]
    ends: Mapping[JobRunState, int]  # behind the event that the look began at, up to `last_seq`
    untold: Mapping[str, int]  # events that an outlet has not taken, by its name
    last_seq: int


def count(tx: Transaction, *, after_seq: int) -> Counts:
    """Count the live runs, those that have ended behind the event `after_seq`, and what is left to be told."""
    ends = {STATES.word(row["state"]): row["runs"] for row in tx.execute(COUNT_ENDS, {"after_seq": after_seq})}
    return Counts(
        live={JobRunState(row["state"]): row["runs"] for row in tx.execute(COUNT_LIVE)},
        ends=ends,
        untold={row["name"]: row["events"] for row in tx.execute(COUNT_UNTOLD)},
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

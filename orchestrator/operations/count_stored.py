"""How much the store holds, and the room that it takes: for who watches the daemon. No action of Glue's."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import anyio.to_thread

from orchestrator.operations.context import Context
from orchestrator.store import counts, events, sqlite_version
from orchestrator.store.counts import Counts, Room


@dataclass(frozen=True, slots=True)
class Stored:
    """What one look has found."""

    counts: Counts
    room: Room


async def count_stored(ctx: Context, database: Path, *, after_seq: int) -> Stored:
    """Count what one read of the store sees, ends behind the event `after_seq`, and look at the files of `database`."""
    found = await ctx.database.read(partial(counts.count, after_seq=after_seq))
    return Stored(found, await anyio.to_thread.run_sync(counts.room, database))


async def last_seq(ctx: Context) -> int:
    """Return the number of the newest event, from which ends can be counted."""
    return await ctx.database.read(events.last_seq)


def store_version() -> str:
    """Return the version of the library that keeps the store."""
    return ".".join(map(str, sqlite_version.LINKED))

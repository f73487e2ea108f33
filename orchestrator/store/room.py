"""The room that the database takes: pages that are free go back to the file system, some at a time or all at once."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator.model.errors import StoreFullError
from orchestrator.store import migration
from orchestrator.store.backup import translated
from orchestrator.store.database import Transaction

_FREE: Final = "PRAGMA freelist_count"
_ALL: Final = "PRAGMA page_count"
_MODE: Final = "PRAGMA auto_vacuum"
_GIVE_ONE_BACK: Final = "PRAGMA incremental_vacuum(1)"  # of more, Python 3.11 does the first step only
_INCREMENTAL: Final = 2
_REWRITE: Final = ("PRAGMA auto_vacuum = INCREMENTAL", "VACUUM", "PRAGMA wal_checkpoint(TRUNCATE)")
KEPT_PAGES: Final = 256
_KEPT_PART: Final = 8


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The size of the database before and after."""

    before_bytes: int
    after_bytes: int


def surplus_pages(tx: Transaction) -> int:
    """Return how many pages are free beyond what is soon used again: an eighth of those in use, and 256 at least.

    0 of a database that was made without room for this; `rewrite` changes that.
    """
    if tx.execute(_MODE).fetchone()[0] != _INCREMENTAL:
        return 0
    free: int = tx.execute(_FREE).fetchone()[0]
    pages: int = tx.execute(_ALL).fetchone()[0]
    return max(0, free - max(KEPT_PAGES, (pages - free) // _KEPT_PART))


def give_back(tx: Transaction, *, limit: int) -> int:
    """Return up to `limit` of the surplus pages to the file system; return how many are left to go."""
    surplus = surplus_pages(tx)
    going = min(limit, surplus)
    for _ in range(going):
        tx.execute(_GIVE_ONE_BACK)
    return surplus - going


def rewrite(path: Path) -> Rewritten:
    """Write the database anew without free pages, able to give pages back from then on. For who holds the directory; blocks.

    Raises:
        StoreFullError: there is no room for the copy that it takes. Nothing was changed.
        StoreError: it cannot be used, or the disk does not take it.
    """
    with translated(path):
        before, free = path.stat().st_size, shutil.disk_usage(path.parent).free
        if free < 2 * before:
            message = f"rewriting {path} takes up to {2 * before} bytes for the time being, and {free} are free"
            raise StoreFullError(message)
        with closing(sqlite3.connect(path, isolation_level=None)) as store:
            migration.schema_of(store)
            for statement in _REWRITE:
                store.execute(statement).fetchall()
        return Rewritten(before, path.stat().st_size)

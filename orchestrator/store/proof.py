"""Whether the store can be read and written, found out by doing so."""

from typing import Final

from orchestrator.store.database import Transaction

READ: Final = "SELECT EXISTS (SELECT 1 FROM job_run WHERE seq = 1)"
WRITE: Final = "INSERT INTO tag (resource, key, value) VALUES ('', '', '')"
UNDO: Final = "DELETE FROM tag WHERE resource = '' AND key = ''"


def read(tx: Transaction) -> None:
    """Read something."""
    tx.execute(READ).fetchone()


def write(tx: Transaction) -> None:
    """Give the disk a page to take, of which nothing is seen afterwards."""
    tx.execute(WRITE)
    tx.execute(UNDO)

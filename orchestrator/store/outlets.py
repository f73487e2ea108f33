"""How far each outlet of notices is in the events."""

from collections.abc import Collection
from typing import Final

from orchestrator.model.notices import Progress
from orchestrator.model.records import Event
from orchestrator.store import events
from orchestrator.store.database import Transaction

SELECT_NAMES: Final = "SELECT name FROM outlet"
SELECT: Final = "SELECT place, tries, due_ms FROM outlet WHERE name = :name"
INSERT: Final = "INSERT INTO outlet (name, place) VALUES (:name, :place)"
DELETE: Final = "DELETE FROM outlet WHERE name = :name"
UPDATE: Final = """
UPDATE outlet SET place = :place, tries = :tries, due_ms = :due_ms WHERE name = :name AND place = :old_place
"""


def are_known(tx: Transaction, names: Collection[str]) -> bool:
    """Say whether these have rows, and no others."""
    return _names(tx) == set(names)


def know(tx: Transaction, names: Collection[str]) -> None:
    """Let these have rows, and no others. A new one begins behind the last event there is."""
    known = _names(tx)
    for name in known - set(names):
        tx.execute(DELETE, {"name": name})
    for name in set(names) - known:
        tx.execute(INSERT, {"name": name, "place": events.last_seq(tx)})


def look(tx: Transaction, name: str, *, after_seq: int, limit: int) -> tuple[Progress, list[Event]]:
    """Return how far an outlet is, and up to `limit` events behind that and behind `after_seq`, the oldest first."""
    row = tx.execute(SELECT, {"name": name}).fetchone()
    progress = Progress(place=row["place"], tries=row["tries"], due_ms=row["due_ms"])
    return progress, events.list_page(tx, after_seq=max(progress.place, after_seq), limit=limit)


def move(tx: Transaction, name: str, progress: Progress, *, old_place: int) -> None:
    """Record how far an outlet is, unless it is not any more where it was."""
    values = {"name": name, "place": progress.place, "tries": progress.tries, "due_ms": progress.due_ms}
    tx.execute(UPDATE, {**values, "old_place": old_place})


def _names(tx: Transaction) -> set[str]:
    return {row["name"] for row in tx.execute(SELECT_NAMES)}

"""Tags of jobs, triggers and workflows, by the resource's part of an ARN (`job/<name>`)."""

from collections.abc import Iterable, Mapping
from typing import Final

from orchestrator.store.database import Transaction

SELECT: Final = "SELECT key, value FROM tag WHERE resource = :resource ORDER BY key"
UPSERT: Final = """
INSERT INTO tag (resource, key, value) VALUES (:resource, :key, :value)
ON CONFLICT (resource, key) DO UPDATE SET value = :value
"""
DELETE: Final = "DELETE FROM tag WHERE resource = :resource AND key = :key"
DELETE_ALL: Final = "DELETE FROM tag WHERE resource = :resource"


def get(tx: Transaction, resource: str) -> dict[str, str]:
    """Return the resource's tags."""
    return {row["key"]: row["value"] for row in tx.execute(SELECT, {"resource": resource})}


def put(tx: Transaction, resource: str, tags: Mapping[str, str]) -> None:
    """Set these tags; others stay."""
    for key, value in tags.items():
        tx.execute(UPSERT, {"resource": resource, "key": key, "value": value})


def remove(tx: Transaction, resource: str, keys: Iterable[str]) -> None:
    """Remove these tags where they are set."""
    for key in keys:
        tx.execute(DELETE, {"resource": resource, "key": key})


def clear(tx: Transaction, resource: str) -> None:
    """Remove all tags: the resource is deleted."""
    tx.execute(DELETE_ALL, {"resource": resource})

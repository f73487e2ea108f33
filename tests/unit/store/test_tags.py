"""Tags belong to one resource, by its part of an ARN."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.store import tags
from tests.support.records import opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def test_tags_are_set_over_others_removed_and_cleared_for_one_resource_alone(store: sqlite3.Connection) -> None:
    tags.put(store, "job/a", {"b": "1", "a": "2"})
    tags.put(store, "trigger/a", {"b": "3"})
    tags.put(store, "job/a", {"b": "4", "c": ""})
    assert tags.get(store, "job/a") == {"a": "2", "b": "4", "c": ""}
    tags.remove(store, "job/a", ["a", "missing"])
    assert list(tags.get(store, "job/a")) == ["b", "c"]
    tags.clear(store, "job/a")
    assert tags.get(store, "job/a") == {}
    assert tags.get(store, "trigger/a") == {"b": "3"}

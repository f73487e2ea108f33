"""Runs of a workflow are found by the beginning of their id, and never another workflow's."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.workflows import WorkflowRun
from orchestrator.store import chains, workflows
from tests.support.records import NOW_MS, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def begun(store: sqlite3.Connection, name: str, digits: str) -> WorkflowRun:
    return workflows.insert_run(
        store,
        chain_key=chains.create(store, at_ms=NOW_MS),
        base_id=bytes.fromhex(digits.ljust(64, "0")),
        workflow_name=name,
        previous_base_id=None,
        properties={},
        triggers=[],
        invocation=None,
        at_ms=NOW_MS,
    )


def test_a_prefix_finds_the_runs_of_one_workflow_in_order(store: sqlite3.Connection) -> None:
    second, first = begun(store, "etl", "ab2"), begun(store, "etl", "ab1")
    begun(store, "etl", "ac")
    begun(store, "other", "ab3")

    def found(prefix: str, limit: int = 10) -> list[WorkflowRun]:
        return workflows.find_runs_by_prefix(store, "etl", prefix, limit=limit)

    assert found("ab") == [first, second]
    assert found("ab2") == found(second.id.removeprefix("wr_")) == [second]
    assert found("ab", limit=1) == [first]
    assert found("b") == []

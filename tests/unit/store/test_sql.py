"""Every statement of the store compiles against the migrated schema, and none walks a table that grows."""

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from orchestrator.store import bookmarks, chains, events, job_runs, jobs, log_streams, tags, triggers, workflows
from tests.support.records import a_definition, opened, stored_run

MODULES: Final = (bookmarks, chains, events, job_runs, jobs, log_streams, tags, triggers, workflows)
BIG: Final = {
    "bookmark",
    "chain",
    "chain_inherited_run",
    "event",
    "firing",
    "job_run",
    "job_run_predecessor",
    "job_run_transition",
    "job_version",
    "workflow_run",
}
ARGUED: Final = {
    # Jobs are few, and the files' ones are looked up when the files are read: at the start and on SIGHUP.
    "jobs.SELECT_SOURCED",
    # The plan shows foreign keys' checks that run only while a violation stands (OP_FkIfZero); tested below.
    "jobs.INSERT_JOB",
    "jobs.INSERT_VERSION",
}
# Only rows that have not ended are in this index, and all of them are what is asked for.
PARTIAL: Final = re.compile(r"USING (?:COVERING )?INDEX job_run_(?:live|retry_due)\b")
STATEMENTS: Final = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if name.isupper() and not name.startswith("_") and isinstance(value, str)
}
ALIAS: Final = re.compile(
    r"\b(chain_inherited_run|job_run_transition|job_run_predecessor|job_version|job_run|bookmark|event|job_trigger_job|job_trigger|job)\s+AS\s+(\w+)"
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def plan(store: sqlite3.Connection, statement: str) -> list[str]:
    values = dict.fromkeys(re.findall(r":(\w+)", statement), 1)
    return [row["detail"] for row in store.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


def test_there_are_statements_in_every_module() -> None:
    assert {name.partition(".")[0] for name in STATEMENTS} == {module.__name__.rpartition(".")[2] for module in MODULES}
    assert len(STATEMENTS) > 20


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_compiles(store: sqlite3.Connection, name: str) -> None:
    values = dict.fromkeys(re.findall(r":(\w+)", STATEMENTS[name]), None)
    assert store.execute(f"EXPLAIN {STATEMENTS[name]}", values).fetchall()


@pytest.mark.parametrize("name", sorted(set(STATEMENTS) - ARGUED))
def test_a_statement_walks_no_table_that_grows(store: sqlite3.Connection, name: str) -> None:
    tables = {alias: table for table, alias in ALIAS.findall(STATEMENTS[name])}
    scans = [line for line in plan(store, STATEMENTS[name]) if line.startswith("SCAN") and not PARTIAL.search(line)]
    walked = {tables.get(line.split()[1], line.split()[1]) for line in scans}
    assert not walked & BIG, scans


def test_defining_a_job_costs_the_same_however_much_is_stored(store: sqlite3.Connection) -> None:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    def define(name: str) -> int:
        nonlocal steps
        steps = 0
        store.set_progress_handler(count, 1)
        job = jobs.create(store, name, a_definition(), source=None, at_ms=1)
        jobs.replace(store, job, a_definition(description="2"), source=None, at_ms=2)
        store.set_progress_handler(None, 0)
        return steps

    define("first")
    few = define("job 1")
    store.execute("BEGIN")
    for number in range(300):
        stored_run(store, number, job_name=f"job {number % 50}")
        define(f"other {number}")
    store.execute("COMMIT")
    assert define("job 99") <= few + 20  # a deeper tree takes a step more


def test_the_jobs_of_files_are_found_by_a_walk_over_the_jobs_alone(store: sqlite3.Connection) -> None:
    lines = plan(store, jobs.SELECT_SOURCED)
    assert [line.split()[1] for line in lines if line.startswith("SCAN")] == ["j"]


def test_the_start_reads_only_runs_that_have_not_ended(store: sqlite3.Connection) -> None:
    assert any("job_run_live" in line for line in plan(store, job_runs.SELECT_LIVE))


def test_no_list_is_sorted_after_it_was_read(store: sqlite3.Connection) -> None:
    sorting = {name for name, text in STATEMENTS.items() if any("TEMP B-TREE" in line for line in plan(store, text))}
    assert sorting == set()

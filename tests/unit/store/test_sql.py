"""Every statement of the store compiles against the migrated schema, and none walks a table that grows."""

import pkgutil
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from typing import Final

import pytest

from orchestrator import store as room
from orchestrator.store import job_runs, jobs
from tests.support.history import History
from tests.support.records import a_definition, opened, stored_run

MODULES: Final = [import_module(f"{room.__name__}.{one.name}") for one in pkgutil.iter_modules(room.__path__)]
STATEMENTS: Final = {
    f"{module.__name__.rpartition('.')[2]}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if name.isupper() and not name.startswith("_") and isinstance(value, str)
}
WALKS: Final = {
    # The states that the caller asks for, as JSON.
    "job_runs.SELECT_OCCUPYING": r"SCAN json_each VIRTUAL TABLE",
    # Only rows that have not ended are in this index, and all of them are what is asked for.
    "job_runs.SELECT_UNTOLD_DELAYS": r"SCAN r USING INDEX job_run_live$",
    "run_times.SELECT_LIVE": r"SCAN r USING INDEX job_run_live$",
    # Those that ended next after a moment, a bounded number of them.
    "run_times.SELECT_ENDED_NEXT": r"SCAN n$",
    # Of what a search by the job has found, up to a limit.
    "run_lists.COUNT_LIVE_OF_JOB": r"SCAN \(subquery-\d+\)$",
    "counts.COUNT_LIVE": r"SCAN job_run USING INDEX job_run_live$",
    # There are as many as the settings name.
    "counts.SELECT_TRIES": r"SCAN outlet",
    # Only activated schedules are in this index, and all of them are what is asked for.
    "triggers.SELECT_SCHEDULED": r"SCAN job_trigger USING INDEX job_trigger_scheduled$",
    # Definitions are few, and the files' ones are looked up when the files are read: at the start and on SIGHUP.
    "jobs.SELECT_SOURCED": r"SCAN j USING INDEX",
    "triggers.SELECT_SOURCED": r"SCAN job_trigger USING INDEX",
    # Outlets are as many as the settings name, and all of them are what is asked for, at the start.
    "outlets.SELECT_NAMES": r"SCAN outlet$",
    # The plan shows foreign keys' checks that run only while a violation stands (OP_FkIfZero); tested below.
    "jobs.INSERT_VERSION": r"SCAN \w+$",
}
"""The walks that are argued for; every other one is refused."""


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def plan(store: sqlite3.Connection, statement: str) -> list[str]:
    values = dict.fromkeys(re.findall(r":(\w+)", statement), 1)
    return [row["detail"] for row in store.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


def walks(store: sqlite3.Connection, name: str) -> list[str]:
    """Return the walks in a statement's plan that nobody has argued for."""
    argued = WALKS.get(name, "SCAN CONSTANT ROW")
    return [line for line in plan(store, STATEMENTS[name]) if line.startswith("SCAN") and not re.match(argued, line)]


def test_there_are_statements_in_every_module_that_spells_any() -> None:
    """A statement that is not a constant would not be looked at here."""
    spelling = {
        module.__name__.rpartition(".")[2]
        for module in MODULES
        if re.search(r"\.execute(?:many)?\(", Path(module.__file__ or "").read_text())
    }
    of_transactions = {
        "backup",
        "database",
        "migration",
        "restoring",
        "room",
        "wal",
        "work",
    }  # what they execute are transactions, savepoints and schemas
    assert {name.partition(".")[0] for name in STATEMENTS} == spelling - of_transactions
    inline = r"\.execute(?:many)?\(\s*f?[\"']"
    assert [one for one in spelling - of_transactions if re.search(inline, _source(one))] == []


def _source(name: str) -> str:
    return (Path(room.__file__ or "").parent / f"{name}.py").read_text()


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_compiles(store: sqlite3.Connection, name: str) -> None:
    values = dict.fromkeys(re.findall(r":(\w+)", STATEMENTS[name]), None)
    assert store.execute(f"EXPLAIN {STATEMENTS[name]}", values).fetchall()


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_walks_no_table(store: sqlite3.Connection, name: str) -> None:
    assert walks(store, name) == []


@pytest.mark.parametrize("name", WALKS)
def test_a_walk_that_is_argued_for_is_there(store: sqlite3.Connection, name: str) -> None:
    assert any(line.startswith("SCAN") for line in plan(store, STATEMENTS[name]))


def test_the_plans_do_not_depend_on_how_much_is_stored_nor_on_statistics(
    store: sqlite3.Connection, tmp_path: Path
) -> None:
    """Nobody here runs ANALYZE, but a person may, and then much more may be stored."""
    History(tmp_path / "full.db").fill(2_000)
    by_job_name = {"triggers.SELECT_NAMING"}  # with two triggers, a walk over them is as good
    with closing(opened(tmp_path / "full.db")) as full:
        assert [name for name, text in STATEMENTS.items() if plan(full, text) != plan(store, text)] == []
        full.execute("ANALYZE")
    with closing(opened(tmp_path / "full.db")) as full:
        assert [name for name in set(STATEMENTS) - by_job_name if walks(full, name)] == []


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

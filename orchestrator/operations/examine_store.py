"""Looks at a state directory and its database, whoever uses them. They change nothing. No action of Glue's."""

from collections.abc import Iterator
from pathlib import Path

from orchestrator.executors.local import checkup as machine
from orchestrator.model.errors import StoreError
from orchestrator.model.findings import Finding, Verdict
from orchestrator.model.ids import JobRunId
from orchestrator.store import checkup
from orchestrator.store.restoring import Runs


def holder(state_dir: Path) -> str | None:
    """Say which process holds the state directory, as its lock file names it; None where none does."""
    return checkup.holder(state_dir)


def may_look_into(state_dir: Path) -> bool:
    """Say whether this user can see what is in the state directory."""
    return checkup.may_look_into(state_dir)


def examine_directory(state_dir: Path) -> Iterator[Finding]:
    """Look at the directory, and at the room of its disk."""
    yield from checkup.check_directory(state_dir)
    if checkup.may_look_into(state_dir) and state_dir.is_dir():
        yield checkup.check_room(state_dir)


def examine_database(state_dir: Path, *, now_ms: int, within_s: float) -> Iterator[Finding]:
    """Look at the library that keeps the database, and at the database; a look that takes longer than `within_s` ends."""
    yield checkup.check_library()
    if checkup.may_look_into(state_dir):
        yield from checkup.check_database(state_dir / "state.db", now_ms=now_ms, within_s=within_s)


def compare_runs(state_dir: Path, *, within_s: float) -> Iterator[Finding]:
    """Compare the directories of runs with the database, where there is one."""
    database = state_dir / "state.db"
    if not database.exists():
        return
    try:
        with checkup.opened_quietly(database) as connection:
            known = Runs(connection)

            def ended_of(run_id: JobRunId) -> bool | None:
                run = known.find(run_id)
                return None if run is None else run.is_terminal

            yield from machine.check_runs(state_dir / "runs", ended_of, within_s=within_s)
    except StoreError as error:
        yield Finding("run directories", Verdict.WARN, f"not compared: {error}")

"""Runs are listed by state, and what they cost does not depend on how many others there are."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.store import jobs, run_lists
from tests.support.chain_scene import Scene
from tests.support.history import History
from tests.support.records import moved, opened, stored_run

S = JobRunState


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("lists") / "state.db"
    History(path).fill(5_000)
    with closing(opened(path)) as store:
        yield store


@pytest.mark.parametrize("state", [None, *JobRunState])
@pytest.mark.parametrize("job", [None, "hourly", "rare", "flaky"])
def test_the_newest_in_a_state_are_those_that_a_look_at_all_finds(
    filled: sqlite3.Connection, state: str | None, job: str | None
) -> None:
    key = None if job is None else jobs.find_key(filled, job)
    rows = filled.execute("SELECT seq, job_key, state FROM job_run ORDER BY seq DESC").fetchall()
    matching = [row["seq"] for row in rows if state in (None, row["state"]) and key in (None, row["job_key"])]
    found = run_lists.list_newest(filled, job_key=key, state=state, limit=7)
    assert [run.seq for run in found] == matching[:7]


@pytest.mark.parametrize("state", [one for one in JobRunState if one is not S.SUCCEEDED])
@pytest.mark.parametrize("job", [None, "daily"])
def test_a_state_that_is_rare_is_found_without_a_walk_over_the_others(
    filled: sqlite3.Connection, state: str, job: str | None
) -> None:
    key = None if job is None else jobs.find_key(filled, job)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    filled.set_progress_handler(count, 10)
    try:
        run_lists.list_newest(filled, job_key=key, state=state, limit=1)
    finally:
        filled.set_progress_handler(None, 0)
    assert steps < 100


def test_each_state_is_told_from_each_other(tmp_path: Path) -> None:
    with closing(Scene(tmp_path / "state.db").store) as store:
        ways: dict[JobRunState, tuple[RunEvent, ...]] = {
            S.STARTING: (),
            S.RUNNING: (RunEvent.LAUNCHED,),
            S.STOPPING: (RunEvent.STOP_REQUESTED,),
            S.STOPPED: (RunEvent.STOP_REQUESTED, RunEvent.FORBIDDEN),
            S.FAILED: (RunEvent.LAUNCH_FAILED,),
            S.TIMEOUT: (RunEvent.LAUNCHED, RunEvent.TIMED_OUT),
            S.ERROR: (RunEvent.JOB_MISSING,),
            S.SUCCEEDED: (RunEvent.LAUNCHED, RunEvent.SUCCEEDED),
        }
        for number, (state, events) in enumerate(ways.items()):
            run = moved(store, stored_run(store, number), *events)
            for key in (None, run.job_key):
                assert run_lists.list_newest(store, job_key=key, state=state, limit=9) == [run]

"""What a run costs in the database, and that the histories which tests make are like real ones."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from orchestrator.model.records import EventKind, Invocation
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.store import job_runs, jobs
from orchestrator.store.codes import EVENTS, KINDS, STATES
from tests.support.chain_scene import Scene
from tests.support.history import JOBS, RARE, RARE_RUNS, History
from tests.support.records import opened

RUNS: Final = 20_000
MOST_BYTES: Final = 400
TABLES: Final = ("job_run", "job_run_transition", "job_run_predecessor", "event", "chain", "firing")


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("history") / "state.db"
    History(path).fill(RUNS, queued=3)
    with closing(opened(path)) as store:
        yield store


def count(store: sqlite3.Connection, what: str) -> int:
    return int(store.execute(f"SELECT count(*) FROM {what}").fetchone()[0])  # noqa: S608 - spelt below


def call(name: bytes) -> Invocation:
    """Return a call of an SDK, with digests as long as real ones."""
    return Invocation(id_digest=name * 16, request_digest=b"r" * 16)


def shapes(store: sqlite3.Connection, table: str) -> set[tuple[str, ...]]:
    """Return how rows of a table look: the type of each column, and the length of a blob."""
    names = [row["name"] for row in store.execute(f"PRAGMA table_info({table})")]
    looks = ", ".join(f"typeof({name}) || iif(typeof({name}) = 'blob', length({name}), '')" for name in names)
    return {tuple(row) for row in store.execute(f"SELECT {looks} FROM {table}")}  # noqa: S608 - names of ours


def test_a_run_takes_at_most_400_bytes_beside_its_arguments_and_messages(filled: sqlite3.Connection) -> None:
    pages, size = (filled.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
    text = "SELECT sum(length(CAST(coalesce(arguments, '') || coalesce(error_message, '') AS BLOB))) FROM job_run"
    beside = filled.execute(text).fetchone()[0]
    assert (pages * size - beside) / count(filled, "job_run") <= MOST_BYTES


def test_the_history_that_tests_make_looks_like_one_that_was_made_step_by_step(
    filled: sqlite3.Connection, tmp_path: Path
) -> None:
    scene = Scene(tmp_path / "state.db")
    scene.job("first", "second", max_concurrent_runs=9)
    scene.job("flaky again", max_retries=1)
    scene.trigger("root", "first")
    scene.trigger("then", "second", when={"first": "SUCCEEDED"})
    for number, end in enumerate(("SUCCEEDED", "FAILED")):
        scene.end(scene.launch(scene.start("first", invocation=call(b"%d" % number))), end)
    flaky = scene.start("flaky again", invocation=call(b"f"))
    scene.end(scene.launch(flaky), "FAILED")
    again = scene.retry(flaky)
    assert again is not None
    scene.end(scene.launch(again))
    (root,) = scene.fire("root", call(b"t"))
    (follower,) = scene.end(scene.launch(root))
    scene.end(scene.launch(follower))
    scene.start("first", invocation=call(b"w"))
    with closing(scene.store):
        for table in TABLES:
            assert shapes(filled, table) == shapes(scene.store, table), table


def test_a_made_history_is_whole(filled: sqlite3.Connection) -> None:
    assert filled.execute("PRAGMA foreign_key_check").fetchall() == []
    assert RUNS <= count(filled, "job_run") - 3 <= RUNS + 100
    assert count(filled, "job_run WHERE state IN ('STARTING', 'WAITING')") == 3 + 1
    rare = jobs.find_key(filled, RARE)
    assert count(filled, f"job_run WHERE job_key = {rare}") == RARE_RUNS + 1
    for name in JOBS:
        for run in job_runs.list_page_of_job(filled, jobs.find_key(filled, name) or 0, before_seq=None, limit=20):
            steps = job_runs.history(filled, run)
            assert (steps[0].from_state, steps[0].at_ms) == (None, run.started_on_ms)
            assert steps[-1].to_state is run.state
            assert steps[-1].at_ms == (run.completed_on_ms or run.started_on_ms)


def test_the_numbers_of_words_stay_what_they_are() -> None:
    """They are on people's disks: the migration and `schema.sql` list them."""
    assert [(STATES.number(word), word) for word in JobRunState if word is not JobRunState.EXPIRED] == [
        *((1, "WAITING"), (2, "STARTING"), (3, "RUNNING"), (4, "STOPPING"), (5, "STOPPED")),
        *((6, "SUCCEEDED"), (7, "FAILED"), (8, "TIMEOUT"), (9, "ERROR")),
    ]
    assert [EVENTS.word(number) for number in range(1, 11)] == [
        *("ADMITTED", "LAUNCHED", "LAUNCH_FAILED", "STOP_REQUESTED", "FORBIDDEN"),
        *("SUCCEEDED", "FAILED", "TIMED_OUT", "LOST", "JOB_MISSING"),
    ]
    assert (KINDS.word(1), KINDS.word(2)) == ("state_change", "run_status")


def test_every_word_has_a_number() -> None:
    assert [EVENTS.word(EVENTS.number(word)) for word in RunEvent] == list(RunEvent)
    assert [KINDS.word(KINDS.number(word)) for word in EventKind] == list(EventKind)

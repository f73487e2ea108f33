"""A run's row and its history move together, by the table alone; the schema refuses what the code should never write."""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.model.errors import EntityNotFoundError, IllegalTransitionError
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import Capacity, Invocation, JobRun, RunFigures
from orchestrator.model.states import TRANSITIONS, JobRunState, RunEvent
from orchestrator.store import job_runs, jobs
from tests.support.records import NOW_MS, a_definition, a_new_run, moved, opened, run_id, stored_run

FIGURES = RunFigures(exit_code=3, exit_signal=9, wall_ms=4, cpu_ms=5, peak_process_rss_bytes=6, peak_tree_rss_bytes=7)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def states_of(store: sqlite3.Connection, run: JobRun) -> list[tuple[str | None, str | None, str]]:
    return [(step.from_state, step.event, step.to_state) for step in job_runs.history(store, run)]


def test_a_run_is_read_back_as_it_was_stored(store: sqlite3.Connection) -> None:
    job = jobs.create(store, "etl", a_definition(glue_version="4.0"), source=None, at_ms=1)
    new = a_new_run(
        job,
        5,
        id=run_id(5, 2),
        previous_attempt=1,
        arguments={"--ä": "ü"},
        capacity=Capacity(dpu=4.0, worker_type="G.2X", number_of_workers=2),
        queuing_enabled=True,
        notify_delay_after_min=3,
        execution_class="FLEX",
        security_configuration="sec",
        session_policy="policy",
        trigger_name="nightly",
        invocation=Invocation(id_digest=b"i", request_digest=b"r"),
    )
    store.execute("BEGIN")
    unread = job_runs.insert(store, new, job)
    store.execute("ROLLBACK")
    stored = job_runs.insert(store, new)
    assert unread == stored == job_runs.get_by_id(store, new.id) == job_runs.get_of_job(store, "etl", str(new.id))
    for name in ("id", "previous_attempt", "job_key", "version_key", "state", "arguments", "capacity", "timeout_min",
                 "queuing_enabled", "notify_delay_after_min", "execution_class", "security_configuration",
                 "session_policy", "trigger_name"):  # fmt: skip
        assert getattr(stored, name) == getattr(new, name), name
    assert (stored.job_name, stored.command_name, stored.glue_version) == ("etl", "pythonshell", "4.0")
    assert stored.started_on_ms == stored.last_modified_on_ms == NOW_MS
    assert job_runs.find_by_invocation(store, b"i") == (new.id, b"r")


def test_an_acceptance_is_the_first_row_of_the_history(store: sqlite3.Connection) -> None:
    assert states_of(store, stored_run(store, 1)) == [(None, None, "STARTING")]


def test_a_move_writes_the_state_and_the_history(store: sqlite3.Connection) -> None:
    run = moved(store, stored_run(store, 1), RunEvent.LAUNCHED)
    ended = job_runs.move(store, run.id, RunEvent.FAILED, at_ms=NOW_MS + 5, error_message="no", figures=FIGURES)
    assert (ended.state, ended.error_message, ended.figures) == (JobRunState.FAILED, "no", FIGURES)
    assert ended.completed_on_ms == ended.last_modified_on_ms == NOW_MS + 5
    assert states_of(store, ended) == [
        (None, None, "STARTING"),
        ("STARTING", "LAUNCHED", "RUNNING"),
        ("RUNNING", "FAILED", "FAILED"),
    ]


@pytest.mark.parametrize(("state", "event"), sorted(TRANSITIONS))
@pytest.mark.parametrize("later_ms", [-5, 5])
def test_a_move_returns_what_it_has_stored(
    store: sqlite3.Connection, state: JobRunState, event: RunEvent, later_ms: int
) -> None:
    run = stored_run(store, 1)
    store.execute("UPDATE job_run SET state = ?, launched_on_ms = iif(? = 'RUNNING', 7, NULL)", (state, state))
    before = job_runs.get_by_id(store, run.id)
    after = job_runs.move(store, before, event, at_ms=NOW_MS + later_ms, error_message="why", figures=FIGURES)
    assert after == job_runs.get_by_id(store, run.id)
    assert after.state is TRANSITIONS[state, event]


def test_a_move_that_the_table_refuses_changes_nothing(store: sqlite3.Connection) -> None:
    run = stored_run(store, 1)
    with pytest.raises(IllegalTransitionError):
        job_runs.move(store, run.id, RunEvent.SUCCEEDED, at_ms=NOW_MS)
    assert job_runs.get_by_id(store, run.id) == run
    assert len(job_runs.history(store, run)) == 1


def test_a_move_reads_the_state_as_it_is_now(store: sqlite3.Connection) -> None:
    rumour = stored_run(store, 1)
    moved(store, rumour, RunEvent.STOP_REQUESTED)
    assert moved(store, rumour, RunEvent.LAUNCHED).state is JobRunState.STOPPING


def test_a_move_whose_row_was_moved_in_between_is_refused(
    store: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = stored_run(store, 1)
    monkeypatch.setattr(job_runs, "get_by_id", lambda tx, run_id: replace(run, state=JobRunState.RUNNING))
    with pytest.raises(IllegalTransitionError):
        job_runs.move(store, run.id, RunEvent.FAILED, at_ms=NOW_MS, error_message="x")
    assert len(job_runs.history(store, run)) == 1


def test_a_run_that_does_not_exist_cannot_move(store: sqlite3.Connection) -> None:
    with pytest.raises(EntityNotFoundError):
        job_runs.move(store, run_id(99), RunEvent.LAUNCHED, at_ms=NOW_MS)


def test_the_time_of_a_launch_is_the_first_launchs(store: sqlite3.Connection) -> None:
    run = stored_run(store, 1)
    job_runs.move(store, run.id, RunEvent.STOP_REQUESTED, at_ms=NOW_MS + 1)
    job_runs.move(store, run.id, RunEvent.LAUNCHED, at_ms=NOW_MS + 2)
    assert job_runs.move(store, run.id, RunEvent.LAUNCHED, at_ms=NOW_MS + 3).launched_on_ms == NOW_MS + 2


def test_a_clock_that_goes_back_never_ends_a_run_before_it_was_modified(store: sqlite3.Connection) -> None:
    run = moved(store, stored_run(store, 1), RunEvent.LAUNCHED)
    ended = job_runs.move(store, run.id, RunEvent.FAILED, at_ms=5, error_message="x")
    assert ended.completed_on_ms == ended.last_modified_on_ms == NOW_MS


def test_a_message_is_kept_only_where_the_run_ended_otherwise_than_well(store: sqlite3.Connection) -> None:
    run = moved(store, stored_run(store, 1), RunEvent.LAUNCHED)
    assert run.error_message is None
    assert moved(store, run, RunEvent.SUCCEEDED).error_message is None


def test_a_failure_without_a_message_is_refused(store: sqlite3.Connection) -> None:
    run = moved(store, stored_run(store, 1), RunEvent.LAUNCHED)
    for message in (None, ""):
        with pytest.raises(sqlite3.IntegrityError, match="failure_says_why"):
            job_runs.move(store, run.id, RunEvent.FAILED, at_ms=NOW_MS, error_message=message)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ("state = 'SUCCEEDED'", "completed_iff_terminal"),
        ("completed_on_ms = 5", "completed_iff_terminal"),
        ("state = 'EXPIRED'", "CHECK constraint"),
        ("state = 'LUCKY'", "CHECK constraint"),
        ("worker_type = 'G.1X'", "workers_come_in_pairs"),
        ("invocation_id = x'00'", "invocation_is_whole"),
        ("dpu = 0", "CHECK constraint"),
        ("timeout_min = 0", "CHECK constraint"),
        ("arguments = 'no json'", "CHECK constraint"),
        ("attempt = -1", "CHECK constraint"),
        ("previous_attempt = 0", "CHECK constraint"),
        ("base_id = x'00'", "CHECK constraint"),
        ("job_key = 77", "FOREIGN KEY"),
        ("version_key = 77", "FOREIGN KEY"),
        ("queuing_enabled = 2", "CHECK constraint"),
        ("started_on_ms = 'now'", "cannot store TEXT"),
    ],
)
def test_the_schema_refuses_a_row_that_contradicts_itself(
    store: sqlite3.Connection, change: str, constraint: str
) -> None:
    stored_run(store, 1)
    with pytest.raises(sqlite3.IntegrityError, match=constraint):
        store.execute(f"UPDATE job_run SET {change}")  # noqa: S608 - from the list above


def test_two_runs_never_share_an_id_or_an_invocation(store: sqlite3.Connection) -> None:
    invocation = Invocation(id_digest=b"i", request_digest=b"r")
    stored_run(store, 1, invocation=invocation)
    with pytest.raises(sqlite3.IntegrityError, match="base_id"):
        stored_run(store, 1)
    with pytest.raises(sqlite3.IntegrityError, match="invocation_id"):
        stored_run(store, 2, invocation=invocation)


def test_a_run_is_found_under_its_own_job_only(store: sqlite3.Connection) -> None:
    run = stored_run(store, 1)
    for job_name, text in (("other", str(run.id)), ("etl", str(run_id(2))), ("etl", "jr_short")):
        with pytest.raises(EntityNotFoundError, match=f"Job run with id: {text} not found for job: {job_name}."):
            job_runs.get_of_job(store, job_name, text)


def test_runs_are_listed_newest_first_and_by_pages(store: sqlite3.Connection) -> None:
    runs = [stored_run(store, number, job_name=name) for number, name in enumerate(["a", "b", "a", "a"])]
    key = runs[0].job_key
    page = job_runs.list_page_of_job(store, key, before_seq=None, limit=2)
    assert page == [runs[3], runs[2]]
    assert job_runs.list_page_of_job(store, key, before_seq=page[-1].seq, limit=2) == [runs[0]]
    assert job_runs.list_newest(store, before_seq=None, limit=9) == runs[::-1]
    assert job_runs.list_newest(store, before_seq=runs[2].seq, limit=1) == [runs[1]]


def test_live_runs_are_listed_in_order_of_acceptance(store: sqlite3.Connection) -> None:
    runs = [stored_run(store, number) for number in range(4)]
    moved(store, runs[1], RunEvent.LAUNCH_FAILED)
    assert [run.id for run in job_runs.list_live(store, after_seq=0)] == [run_id(0), run_id(2), run_id(3)]
    assert [run.id for run in job_runs.list_live(store, after_seq=runs[2].seq)] == [run_id(3)]


def test_only_runs_that_occupy_their_job_are_counted(store: sqlite3.Connection) -> None:
    runs = [stored_run(store, number) for number in range(4)]
    stored_run(store, 8, state=JobRunState.WAITING)
    stored_run(store, 9, job_name="other")
    moved(store, runs[0], RunEvent.LAUNCHED)
    moved(store, runs[1], RunEvent.STOP_REQUESTED)
    moved(store, runs[2], RunEvent.LAUNCH_FAILED)
    assert [job_runs.has_room(store, runs[0].job_key, limit) for limit in (1, 2, 3, 4, 100)] == [False] * 3 + [True] * 2
    assert job_runs.has_room(store, 99, 1)


def test_a_look_for_room_costs_the_same_however_many_runs_are_live(store: sqlite3.Connection) -> None:
    def look() -> int:
        steps = 0

        def count() -> int:
            nonlocal steps
            steps += 1
            return 0

        store.set_progress_handler(count, 1)
        assert job_runs.has_room(store, run.job_key, 1000)
        store.set_progress_handler(None, 0)
        return steps

    run = stored_run(store, 0)
    few = look()
    for number in range(1, 400):
        stored_run(store, number)
    assert look() <= few


def test_ids_are_found_by_the_beginning_of_their_digits(store: sqlite3.Connection) -> None:
    ids = [JobRunId(bytes.fromhex(digits.ljust(64, "0"))) for digits in ("aa", "ab1", "ab2", "ac")]
    for one in ids:
        stored_run(store, 0, id=one)
    assert job_runs.find_by_prefix(store, "ab", limit=9) == ids[1:3]
    assert job_runs.find_by_prefix(store, "ab1", limit=9) == ids[1:2]
    assert job_runs.find_by_prefix(store, "a", limit=2) == ids[:2]
    assert job_runs.find_by_prefix(store, "ad", limit=9) == []
    assert job_runs.find_by_prefix(store, "aa".ljust(64, "0"), limit=9) == ids[:1]


def test_the_last_attempt_of_a_family_is_known(store: sqlite3.Connection) -> None:
    stored_run(store, 1)
    stored_run(store, 1, id=run_id(1, 3), previous_attempt=0)
    stored_run(store, 2)
    assert job_runs.highest_attempt(store, run_id(1).base) == 3


def test_a_run_without_a_trigger_has_no_predecessors(store: sqlite3.Connection) -> None:
    assert job_runs.predecessors(store, stored_run(store, 1)) == []


def test_predecessors_are_given_in_their_order(store: sqlite3.Connection) -> None:
    run = stored_run(store, 1)
    for position in (1, 0):
        store.execute(
            "INSERT INTO job_run_predecessor VALUES (?, ?, ?, ?, 0)", (run.seq, position, f"job{position}", bytes(32))
        )
    assert [one.job_name for one in job_runs.predecessors(store, run)] == ["job0", "job1"]

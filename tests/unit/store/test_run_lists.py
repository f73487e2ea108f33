"""Runs are listed as they are asked for, and what a look costs does not depend on how many others there are."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from orchestrator.model.records import JobRun
from orchestrator.model.run_filter import RunFilter, RunOrder, RunPlace, place_of, spelled
from orchestrator.model.states import TERMINAL, JobRunState, RunEvent
from orchestrator.store import jobs, run_lists
from tests.support.chain_scene import Scene
from tests.support.history import History
from tests.support.records import moved, opened, stored_run

S = JobRunState
ORDERS: Final[tuple[RunOrder, ...]] = ("newest", "oldest", "ended")
WANTED: Final[dict[str, frozenset[JobRunState]]] = {
    "any": frozenset(),
    **{state: frozenset({state}) for state in JobRunState},
    "live": frozenset(JobRunState) - TERMINAL,
    "ended otherwise": TERMINAL - {S.SUCCEEDED},
    "live or FAILED": frozenset({S.RUNNING, S.STARTING, S.FAILED}),
    "FAILED or SUCCEEDED": frozenset({S.FAILED, S.SUCCEEDED}),
}


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("lists") / "state.db"
    History(path).fill(5_000)
    with closing(opened(path)) as store:
        yield store


def expected(store: sqlite3.Connection, order: RunOrder, keep: Callable[[sqlite3.Row], bool]) -> list[int]:
    """Return what a look at every row finds."""
    rows = [row for row in store.execute("SELECT * FROM job_run ORDER BY seq") if keep(row)]
    if order == "ended":
        ended = [row for row in rows if row["completed_on_ms"] is not None]
        return [row["seq"] for row in sorted(ended, key=lambda row: (row["completed_on_ms"], row["seq"]), reverse=True)]
    return [row["seq"] for row in (rows if order == "oldest" else reversed(rows))]


def all_of(store: sqlite3.Connection, wanted: RunFilter, order: RunOrder, *, limit: int) -> list[int]:
    """Return the whole list, read page by page."""
    found: list[int] = []
    place: RunPlace | None = None
    while True:
        page = run_lists.list_page(store, wanted, order=order, after=place, limit=limit)
        assert len(page.runs) <= limit
        found += [run.seq for run in page.runs]
        if page.place is None:
            return found
        place = place_of(spelled(page.place, order), order)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("states", WANTED)
@pytest.mark.parametrize("job", [None, "hourly", "rare", "flaky"])
def test_pages_together_are_what_a_look_at_all_finds(
    filled: sqlite3.Connection, order: RunOrder, states: str, job: str | None
) -> None:
    key = None if job is None else jobs.find_key(filled, job)
    wanted = RunFilter(job_key=key, states=WANTED[states])
    matching = expected(
        filled,
        order,
        lambda row: key in (None, row["job_key"]) and (not wanted.states or row["state"] in wanted.states),
    )
    assert all_of(filled, wanted, order, limit=max(7, len(matching) // 3)) == matching
    first = run_lists.list_page(filled, wanted, order=order, after=None, limit=7)
    assert [run.seq for run in first.runs] == matching[:7]


@pytest.mark.parametrize("order", ORDERS)
def test_time_trigger_and_text_choose_together(filled: sqlite3.Connection, order: RunOrder) -> None:
    times = [row[0] for row in filled.execute("SELECT started_on_ms FROM job_run ORDER BY started_on_ms")]
    since_ms, until_ms = times[len(times) // 4], times[len(times) // 2]
    trigger = filled.execute("SELECT trigger_name FROM job_run WHERE trigger_name IS NOT NULL").fetchone()[0]

    def has_nine(run: JobRun) -> bool:
        return str(run.id).endswith("9")

    wanted = RunFilter(since_ms=since_ms, until_ms=until_ms, trigger_name=trigger, matches=has_nine)
    matching = expected(
        filled,
        order,
        lambda row: (
            since_ms <= row["started_on_ms"] < until_ms
            and row["trigger_name"] == trigger
            and row["base_id"].hex().endswith("9")
            and row["attempt"] == 0
        ),
    )
    assert matching
    assert all_of(filled, wanted, order, limit=500) == matching


def steps_of(store: sqlite3.Connection, look: Callable[[], object]) -> int:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    store.set_progress_handler(count, 10)
    try:
        look()
    finally:
        store.set_progress_handler(None, 0)
    return steps


@pytest.mark.parametrize("state", [one for one in JobRunState if one is not S.SUCCEEDED])
@pytest.mark.parametrize("job", [None, "daily"])
def test_a_state_that_is_rare_is_found_without_a_walk_over_the_others(
    filled: sqlite3.Connection, state: JobRunState, job: str | None
) -> None:
    key = None if job is None else jobs.find_key(filled, job)
    wanted = RunFilter(job_key=key, states=frozenset({state}))
    assert steps_of(filled, lambda: run_lists.list_page(filled, wanted, order="newest", after=None, limit=1)) < 100


def test_a_look_that_finds_nothing_ends_and_says_where_to_go_on(
    filled: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_lists, "_MOST_READ", 1_000)
    wanted = RunFilter(matches=lambda _: False)
    page = run_lists.list_page(filled, wanted, order="newest", after=None, limit=500)
    assert (page.runs, page.place is not None) == ([], True)
    assert all_of(filled, wanted, "newest", limit=500) == []


def test_a_list_of_the_last_hour_does_not_look_at_the_years_before(filled: sqlite3.Connection) -> None:
    last = filled.execute("SELECT max(started_on_ms) FROM job_run").fetchone()[0]
    recent = RunFilter(since_ms=last, trigger_name="none has this name")
    bounded = steps_of(filled, lambda: run_lists.list_page(filled, recent, order="newest", after=None, limit=500))
    every = RunFilter(trigger_name="none has this name")
    whole = steps_of(filled, lambda: run_lists.list_page(filled, every, order="newest", after=None, limit=500))
    assert bounded < whole / 3


@pytest.mark.parametrize("text", ["", "x", "-1", "1-", "-", "1-2-3", "٣", "9" * 41, "1-2"])
def test_a_text_that_is_no_place_in_a_list_is_none(text: str) -> None:
    assert place_of(text, "newest") is None


@pytest.mark.parametrize("text", ["", "12", "-2", "1-"])
def test_a_place_of_another_order_is_none_of_the_ends(text: str) -> None:
    assert place_of(text, "ended") is None


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
                wanted = RunFilter(job_key=key, states=frozenset({state}))
                assert run_lists.list_page(store, wanted, order="newest", after=None, limit=9).runs == [run]


def test_live_runs_are_counted_up_to_a_limit(filled: sqlite3.Connection) -> None:
    rows = filled.execute(
        "SELECT job_key, count(*) AS live FROM job_run WHERE completed_on_ms IS NULL GROUP BY job_key"
    )
    counts = {row["job_key"]: row["live"] for row in rows}
    assert counts
    for key, live in counts.items():
        assert run_lists.count_live(filled, key, limit=1_000) == live
        assert run_lists.count_live(filled, key, limit=1) == 1

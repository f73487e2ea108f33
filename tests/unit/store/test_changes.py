"""Every step and every other definition is a change with a number of its own; the oldest go, the last stays."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orchestrator.model.records import BookmarkEntry
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.model.triggers import TriggerDefinition, TriggerState, TriggerType
from orchestrator.model.workflows import WorkflowDefinition
from orchestrator.store import bookmarks, change_log, changes, job_runs, jobs, triggers, workflows
from tests.support.records import NOW_MS, a_definition, moved, opened, stored_run

S = JobRunState


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(opened(tmp_path / "state.db")) as connection:
        yield connection


def test_nothing_has_changed_in_a_new_store(store: sqlite3.Connection) -> None:
    span = changes.span(store)
    assert (span.first_seq, span.last_seq) == (0, 0)
    assert span.can_follow(0)
    assert not span.can_follow(1)


def test_each_step_of_a_run_is_a_change_with_the_run_as_it_is_now(store: sqlite3.Connection) -> None:
    run = stored_run(store, 1)
    before = changes.span(store).last_seq - 1
    run = moved(store, run, RunEvent.LAUNCHED, RunEvent.SUCCEEDED)
    found = changes.list_page(store, after_seq=before, limit=9)
    assert [(one.seq - before, one.event, one.state) for one in found] == [
        (1, None, S.STARTING),
        (2, RunEvent.LAUNCHED, S.RUNNING),
        (3, RunEvent.SUCCEEDED, S.SUCCEEDED),
    ]
    assert [one.at_ms for one in found] == [step.at_ms for step in job_runs.history(store, run)]
    assert [one.run for one in found] == [run] * 3


def test_pages_go_on_where_the_last_ended(store: sqlite3.Connection) -> None:
    for number in range(7):
        stored_run(store, number)
    last = changes.span(store).last_seq
    seen: list[int] = []
    while page := changes.list_page(store, after_seq=seen[-1] if seen else 0, limit=3):
        seen += [one.seq for one in page]
    assert seen == list(range(1, last + 1))


def test_a_run_that_is_gone_leaves_its_changes_without_it(store: sqlite3.Connection) -> None:
    run = stored_run(store, 1)
    store.execute("DELETE FROM job_run WHERE seq = ?", (run.seq,))
    last = changes.list_page(store, after_seq=changes.span(store).last_seq - 1, limit=9)
    assert [(one.is_of_run, one.run, one.state) for one in last] == [(True, None, None)]


def test_whatever_else_is_altered_is_a_change_of_no_run(store: sqlite3.Connection) -> None:
    trigger = TriggerDefinition(type=TriggerType.ON_DEMAND)
    job = jobs.create(store, "job", a_definition(), source=None, at_ms=NOW_MS)
    made = triggers.create(store, "t", trigger, state=TriggerState.CREATED, source=None, at_ms=NOW_MS)
    flow = workflows.create(store, "w", WorkflowDefinition(), at_ms=NOW_MS)
    entry = BookmarkEntry(
        job_key=job.job_key, version=1, run=1, attempt=0, bookmark="{}", run_id=None, previous_run_id=None
    )
    doings: list[Callable[[], object]] = [
        lambda: jobs.replace(store, job, a_definition(description="2"), source=None, at_ms=NOW_MS),
        lambda: triggers.replace(store, made, trigger, source=None, at_ms=NOW_MS),
        lambda: triggers.set_state(store, made, TriggerState.ACTIVATED, at_ms=NOW_MS),
        lambda: triggers.delete(store, made),
        lambda: workflows.replace(store, flow, WorkflowDefinition(description="2"), at_ms=NOW_MS),
        lambda: workflows.delete(store, flow),
        lambda: bookmarks.append(store, entry, cause="set", run_seq=None, at_ms=NOW_MS),
        lambda: bookmarks.delete(store, job.job_key),
        lambda: jobs.delete(store, job, at_ms=NOW_MS),
    ]
    for do in doings:
        before = changes.span(store).last_seq
        do()
        (change,) = changes.list_page(store, after_seq=before, limit=9)
        assert (change.is_of_run, change.run, change.event) == (False, None, None)


def test_the_oldest_go_and_numbers_are_never_used_twice(
    store: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(change_log, "KEPT", 100)
    stored_run(store, 1)
    for _ in range(1_000):
        change_log.definition(store)
    span = changes.span(store)
    assert span.last_seq - span.first_seq < 100 + 256
    assert not span.can_follow(span.first_seq - 2)
    assert span.can_follow(span.first_seq - 1)
    monkeypatch.setattr(change_log, "KEPT", 0)
    while changes.span(store).last_seq % 256:
        change_log.definition(store)
    last = changes.span(store).last_seq
    change_log.definition(store)
    assert changes.span(store).last_seq == last + 1

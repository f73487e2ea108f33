"""A trigger comes back as it was stored, is found by what it starts and watches, and is active since it was made so."""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.states import JobRunState
from orchestrator.model.triggers import Action, Condition, Trigger, TriggerDefinition, TriggerState, TriggerType
from orchestrator.store import triggers
from tests.support.records import NOW_MS, opened

FULL = TriggerDefinition(
    type=TriggerType.CONDITIONAL,
    workflow_name="w",
    logical="ANY",
    conditions=(
        Condition(job_name="b", state=JobRunState.FAILED),
        Condition(job_name="b", state=JobRunState.TIMEOUT),
    ),
    actions=(
        Action(job_name="a", arguments={"--k": "\u00e9"}, timeout_min=3, security_configuration="s"),
        Action(job_name="a"),
    ),
    description="d",
    event_batching={"BatchSize": 3},
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def made(store: sqlite3.Connection, name: str, state: TriggerState = TriggerState.ACTIVATED, **changes: Any) -> Trigger:
    """Store a trigger that starts `a` when `b` SUCCEEDED, but for the changes."""
    source = changes.pop("source", None)
    conditions = (Condition(job_name="b", state=JobRunState.SUCCEEDED),)
    given = {"type": TriggerType.CONDITIONAL, "conditions": conditions, "actions": (Action(job_name="a"),), **changes}
    return triggers.create(store, name, TriggerDefinition(**given), state=state, source=source, at_ms=NOW_MS)


def names(some: list[Trigger]) -> list[str]:
    return [trigger.name for trigger in some]


def test_a_trigger_is_given_back_as_it_came_by_the_store_and_by_text(store: sqlite3.Connection) -> None:
    trigger = triggers.create(store, "t", FULL, state=TriggerState.CREATED, source="f", at_ms=NOW_MS)
    assert trigger.definition == FULL
    assert (trigger.source, trigger.active_since_ms, trigger.created_on_ms) == ("f", NOW_MS, NOW_MS)
    assert triggers.get(store, "t") == trigger
    assert triggers.from_text(json.loads(json.dumps(triggers.to_text(trigger)))) == trigger


def test_one_that_is_not_there_is_none_or_an_error(store: sqlite3.Connection) -> None:
    assert triggers.find(store, "t") is None
    with pytest.raises(EntityNotFoundError):
        triggers.get(store, "t")


def test_lists_are_pages_by_name_of_all_or_of_those_that_start_a_job(store: sqlite3.Connection) -> None:
    for name in ("c", "a", "b"):
        made(store, name)
    made(store, "other", actions=(Action(job_name="x"), Action(job_name="x")))
    assert names(triggers.list_page(store, after="", limit=2)) == ["a", "b"]
    assert names(triggers.list_page(store, after="b", limit=9)) == ["c", "other"]
    assert names(triggers.list_page(store, after="", limit=9, starts_job="x")) == ["other"]
    assert names(triggers.list_page(store, after="a", limit=9, starts_job="a")) == ["b", "c"]
    assert names(triggers.list_page(store, after="", limit=9, starts_job="b")) == []


def test_who_watches_a_job_is_active_outside_of_workflows_and_oldest_first(store: sqlite3.Connection) -> None:
    made(store, "z")
    made(store, "y")
    made(store, "off", TriggerState.DEACTIVATED)
    made(store, "new", TriggerState.CREATED)
    made(store, "inside", workflow_name="w")
    assert names(triggers.list_watching(store, "b")) == ["z", "y"]
    assert names(triggers.list_watching(store, "a")) == []
    assert names(triggers.list_of_workflow(store, "w")) == ["inside"]
    assert set(names(triggers.list_naming(store, "a"))) == {"z", "y", "off", "new", "inside"}


def test_only_active_schedules_are_kept(store: sqlite3.Connection) -> None:
    timed: dict[str, Any] = {"type": TriggerType.SCHEDULED, "schedule": "cron(0 1 * * ? *)", "conditions": ()}
    made(store, "on", **timed)
    made(store, "off", TriggerState.DEACTIVATED, **timed)
    made(store, "conditional")
    assert names(triggers.list_scheduled(store)) == ["on"]


def test_another_definition_replaces_all_and_is_found_by_what_it_names_now(store: sqlite3.Connection) -> None:
    trigger = made(store, "t", description="old")
    conditions = (Condition(job_name="x", state=JobRunState.FAILED),)
    definition = TriggerDefinition(type=TriggerType.CONDITIONAL, conditions=conditions, actions=(Action(job_name="y"),))
    replaced = triggers.replace(store, trigger, definition, source="f", at_ms=NOW_MS + 5)
    assert replaced.definition == definition
    assert (replaced.state, replaced.source, replaced.last_modified_on_ms) == (trigger.state, "f", NOW_MS + 5)
    assert names(triggers.list_watching(store, "b")) == []
    assert names(triggers.list_watching(store, "x")) == ["t"]
    assert names(triggers.list_sourced(store)) == ["t"]


@pytest.mark.parametrize(("schedule", "since_ms"), [("cron(0 1 * * ? *)", NOW_MS), ("cron(0 2 * * ? *)", NOW_MS + 5)])
def test_a_new_schedule_counts_from_now_on_and_the_same_one_as_before(
    store: sqlite3.Connection, schedule: str, since_ms: int
) -> None:
    timed: dict[str, Any] = {"type": TriggerType.SCHEDULED, "conditions": ()}
    trigger = made(store, "t", schedule="cron(0 1 * * ? *)", **timed)
    definition = TriggerDefinition(
        type=TriggerType.SCHEDULED, schedule=schedule, actions=(Action(job_name="a"),), description="new"
    )
    replaced = triggers.replace(store, trigger, definition, source=None, at_ms=NOW_MS + 5)
    assert replaced.active_since_ms == since_ms


def test_a_trigger_is_active_since_the_last_time_that_it_was_made_so(store: sqlite3.Connection) -> None:
    trigger = made(store, "t")
    again = triggers.set_state(store, trigger, TriggerState.ACTIVATED, at_ms=NOW_MS + 1)
    assert again == trigger
    off = triggers.set_state(store, trigger, TriggerState.DEACTIVATED, at_ms=NOW_MS + 2)
    assert (off.state, off.active_since_ms, off.last_modified_on_ms) == (TriggerState.DEACTIVATED, NOW_MS, NOW_MS + 2)
    on = triggers.set_state(store, off, TriggerState.ACTIVATED, at_ms=NOW_MS + 3)
    assert (on.state, on.active_since_ms) == (TriggerState.ACTIVATED, NOW_MS + 3)


def test_a_trigger_that_is_deleted_is_found_no_more_by_anything(store: sqlite3.Connection) -> None:
    triggers.delete(store, made(store, "t"))
    assert triggers.find(store, "t") is None
    assert triggers.list_watching(store, "b") == triggers.list_naming(store, "a") == []
    assert store.execute("SELECT count(*) FROM job_trigger_job").fetchone()[0] == 0

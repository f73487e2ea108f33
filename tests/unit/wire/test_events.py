"""Events look as EventBridge delivers Glue's, member by member.

Source: https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
"""

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.model.records import Event, EventKind
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.wire.events import event_shape
from tests.support.records import NOW_MS, moved, opened, stored_run

S, E = JobRunState, RunEvent


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def an_event(store: sqlite3.Connection, *events: RunEvent, kind: EventKind = EventKind.STATE_CHANGE) -> Event:
    run = moved(store, stored_run(store, 1, notify_delay_after_min=5), *events)
    return Event(seq=1, kind=kind, state=run.state, at_ms=NOW_MS + 999, run=run)


def test_an_end_has_the_members_of_glues_sample(store: sqlite3.Connection) -> None:
    event = an_event(store, E.LAUNCHED, E.SUCCEEDED)
    shape = event_shape(event, "eu-central-1")
    assert shape == {
        "version": "0",
        "id": shape["id"],
        "detail-type": "Glue Job State Change",
        "source": "aws.glue",
        "account": "123456789012",
        "time": "2023-11-14T22:13:20Z",
        "region": "eu-central-1",
        "resources": [],
        "detail": {
            "jobName": "etl",
            "severity": "INFO",
            "state": "SUCCEEDED",
            "jobRunId": str(event.run.id),
            "message": "Job run succeeded",
        },
    }


@pytest.mark.parametrize(
    ("last", "state", "severity", "message"),
    [
        (E.FAILED, "FAILED", "ERROR", "because"),
        (E.TIMED_OUT, "TIMEOUT", "WARN", "because"),
        (E.SUCCEEDED, "SUCCEEDED", "INFO", "Job run succeeded"),
    ],
)
def test_each_end_has_its_severity_and_message(
    store: sqlite3.Connection, last: RunEvent, state: str, severity: str, message: str
) -> None:
    detail = event_shape(an_event(store, E.LAUNCHED, last), "r")["detail"]
    assert (detail["state"], detail["severity"], detail["message"]) == (state, severity, message)


def test_a_stop_is_told_in_glues_words(store: sqlite3.Connection) -> None:
    detail = event_shape(an_event(store, E.LAUNCHED, E.STOP_REQUESTED, E.SUCCEEDED), "r")["detail"]
    assert (detail["state"], detail["severity"], detail["message"]) == ("STOPPED", "INFO", "Job run stopped")


def test_a_late_run_has_the_members_of_glues_sample(store: sqlite3.Connection) -> None:
    event = an_event(store, E.LAUNCHED, kind=EventKind.RUN_STATUS)
    shape = event_shape(event, "r")
    assert shape["detail-type"] == "Glue Job Run Status"
    assert shape["detail"] == {
        "jobName": "etl",
        "severity": "INFO",
        "notificationCondition": {"NotifyDelayAfter": 5.0},
        "state": "RUNNING",
        "jobRunId": str(event.run.id),
        "message": "Job is in RUNNING state",
        "startedOn": "2023-11-14T22:13:20Z",
    }


def test_an_event_has_one_id_for_ever_and_no_other_has_it(store: sqlite3.Connection) -> None:
    event = an_event(store, E.LAUNCHED, E.FAILED)
    again = replace(event, seq=7, at_ms=NOW_MS + 5_000)
    retried = replace(event, run=replace(event.run, id=event.run.id.retry(1)))
    late = replace(event, kind=EventKind.RUN_STATUS)
    ids = [event_shape(one, "r")["id"] for one in (event, again, retried, late)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3

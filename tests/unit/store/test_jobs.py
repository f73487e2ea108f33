"""A job's name keeps its history for ever; its definitions are never changed, only followed by others."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.records import CapacityRequest, Command
from orchestrator.store import jobs
from tests.support.records import a_definition, opened


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def test_a_definition_is_read_back_as_it_was_written(store: sqlite3.Connection) -> None:
    definition = a_definition(
        command=Command(name="glueetl", script_location="ä/script.py", python_version="3", runtime="r"),
        default_arguments={"--a": "1", "--b": ""},
        non_overridable_arguments={},
        max_concurrent_runs=3,
        max_retries=1,
        timeout_min=5,
        capacity=CapacityRequest(worker_type="G.1X", number_of_workers=2),
        glue_version="4.0",
        job_run_queuing_enabled=True,
        notify_delay_after_min=1,
        execution_class="FLEX",
        security_configuration="s",
        description="d",
        echoed={"Tags": {"a": "b"}, "Connections": {"Connections": ["c"]}},
    )
    job = jobs.create(store, "etl", definition, source="jobs/etl/job.toml", at_ms=5)
    assert (job.definition, job.source, job.created_on_ms, job.last_modified_on_ms) == (
        definition,
        "jobs/etl/job.toml",
        5,
        5,
    )
    assert jobs.get(store, "etl") == job
    assert jobs.definition(store, job.version_key) == definition


def test_a_job_that_is_not_there_is_not_found(store: sqlite3.Connection) -> None:
    assert jobs.find(store, "etl") is None
    assert jobs.find_key(store, "etl") is None
    with pytest.raises(EntityNotFoundError, match=r"Job with name: etl not found\."):
        jobs.get(store, "etl")


def test_an_earlier_definition_stays_readable(store: sqlite3.Connection) -> None:
    first = jobs.create(store, "etl", a_definition(description="1"), source=None, at_ms=1)
    second = jobs.replace(store, first, a_definition(description="2"), source=None, at_ms=2)
    assert jobs.definition(store, first.version_key).description == "1"
    assert (second.definition.description, second.created_on_ms, second.last_modified_on_ms) == ("2", 1, 2)


def test_a_deleted_job_is_gone_and_its_name_known(store: sqlite3.Connection) -> None:
    job = jobs.create(store, "etl", a_definition(), source="file", at_ms=1)
    jobs.delete(store, job, at_ms=2)
    assert jobs.find(store, "etl") is None
    assert jobs.find_key(store, "etl") == job.job_key
    assert jobs.list_sourced(store) == []


def test_a_job_made_again_has_the_same_key_and_another_age(store: sqlite3.Connection) -> None:
    first = jobs.create(store, "etl", a_definition(), source=None, at_ms=1)
    jobs.delete(store, first, at_ms=2)
    second = jobs.create(store, "etl", a_definition(), source=None, at_ms=3)
    assert second.job_key == first.job_key
    assert jobs.created_on_ms(store, second.job_key) == second.created_on_ms == 3


def test_only_the_living_incarnations_definitions_are_current(store: sqlite3.Connection) -> None:
    first = jobs.create(store, "etl", a_definition(), source=None, at_ms=1)
    changed = jobs.replace(store, first, a_definition(description="2"), source=None, at_ms=2)
    assert jobs.is_current(store, first.version_key)
    assert jobs.is_current(store, changed.version_key)
    jobs.delete(store, changed, at_ms=3)
    assert not jobs.is_current(store, changed.version_key)
    again = jobs.create(store, "etl", a_definition(), source=None, at_ms=4)
    assert not jobs.is_current(store, changed.version_key)
    assert jobs.is_current(store, again.version_key)


def test_a_job_that_exists_cannot_be_created_over(store: sqlite3.Connection) -> None:
    job = jobs.create(store, "etl", a_definition(description="1"), source=None, at_ms=1)
    with pytest.raises(TypeError):  # no row comes back: the statement did nothing
        jobs.create(store, "etl", a_definition(description="2"), source=None, at_ms=2)
    assert jobs.get(store, "etl") == job


def test_jobs_are_listed_by_name_and_by_pages(store: sqlite3.Connection) -> None:
    for name in ("b", "a", "c", "Z"):
        jobs.create(store, name, a_definition(), source="f" if name < "b" else None, at_ms=1)
    jobs.delete(store, jobs.get(store, "b"), at_ms=2)
    assert [job.name for job in jobs.list_page(store, after="", limit=2)] == ["Z", "a"]
    assert [job.name for job in jobs.list_page(store, after="a", limit=2)] == ["c"]
    assert [job.name for job in jobs.list_sourced(store)] == ["Z", "a"]

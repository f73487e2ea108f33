"""A firing is a row that can be there once: per trigger and chain, per instant, and per call."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.model.records import Invocation, JobRun
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.model.triggers import End
from orchestrator.store import chains, job_runs
from tests.support.records import NOW_MS, moved, opened, stored_run

S, E = JobRunState, RunEvent
CALL = Invocation(id_digest=b"i", request_digest=b"r")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = opened(tmp_path / "state.db")
    yield connection
    connection.close()


def fire(store: sqlite3.Connection, name: str, chain: int, **more: Any) -> None:
    chains.record_firing(store, name, chain, at_ms=NOW_MS, **more)


def run(store: sqlite3.Connection, number: int, chain: int | None, *events: RunEvent, job: str = "a") -> JobRun:
    return moved(store, stored_run(store, number, job_name=job, chain_key=chain), *events)


def test_a_firing_is_found_by_its_chain_its_instant_and_its_call(store: sqlite3.Connection) -> None:
    first, second = (chains.create(store, at_ms=NOW_MS) for _ in range(2))
    fire(store, "t", first, tick_ms=5)
    fire(store, "u", first)
    fire(store, "t", second, invocation=CALL)
    assert chains.has_fired(store, "t", first)
    assert not chains.has_fired(store, "u", second)
    assert chains.has_fired_for(store, "t", 5)
    assert not chains.has_fired_for(store, "t", 6)
    assert not chains.has_fired_for(store, "u", 5)
    assert chains.find_firing_request(store, b"i") == b"r"
    assert chains.find_firing_request(store, b"j") is None
    assert [(one.trigger_name, one.tick_ms) for one in chains.firings(store, first)] == [("t", 5), ("u", None)]
    last = chains.last_firing(store, "t")
    assert last is not None
    assert (last.chain_key, last.at_ms) == (second, NOW_MS)
    assert chains.last_firing(store, "never") is None


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ({"name": "t", "chain": 1}, {"name": "t", "chain": 1}),
        ({"name": "t", "chain": 1, "tick_ms": 5}, {"name": "t", "chain": 2, "tick_ms": 5}),
        ({"name": "t", "chain": 1, "invocation": CALL}, {"name": "u", "chain": 2, "invocation": CALL}),
    ],
)
def test_the_same_firing_twice_is_refused_by_the_schema_itself(
    store: sqlite3.Connection, earlier: dict[str, Any], later: dict[str, Any]
) -> None:
    for _ in range(2):
        chains.create(store, at_ms=NOW_MS)
    fire(store, **earlier)
    with pytest.raises(sqlite3.IntegrityError):
        fire(store, **later)


def test_of_a_job_the_newest_attempt_counts_and_only_when_it_has_ended_for_good(store: sqlite3.Connection) -> None:
    chain, other = (chains.create(store, at_ms=NOW_MS) for _ in range(2))
    failed = run(store, 1, chain, E.LAUNCHED, E.FAILED)
    run(store, 2, other, E.LAUNCHED, E.SUCCEEDED)
    run(store, 3, None, E.LAUNCHED, E.SUCCEEDED)
    run(store, 4, chain, job="live")
    assert chains.ends(store, chain, ["a", "live", "never"]) == {"a": End(run_id=failed.id, state=S.FAILED)}
    job_runs.set_retry_due(store, failed, NOW_MS)
    assert chains.ends(store, chain, ["a"]) == {}
    job_runs.cancel_retry(store, failed.id.base)
    newest = run(store, 5, chain)
    assert chains.ends(store, chain, ["a"]) == {}
    moved(store, newest, E.LAUNCHED, E.SUCCEEDED)
    assert chains.ends(store, chain, ["a"]) == {"a": End(run_id=newest.id, state=S.SUCCEEDED)}


def test_a_run_that_was_taken_over_counts_until_the_chain_has_one_of_its_own(store: sqlite3.Connection) -> None:
    before, chain = (chains.create(store, at_ms=NOW_MS) for _ in range(2))
    old = run(store, 1, before, E.LAUNCHED, E.SUCCEEDED)
    chains.inherit(store, chain, old.seq)
    assert chains.ends(store, chain, ["a"]) == {"a": End(run_id=old.id, state=S.SUCCEEDED)}
    assert chains.run_seqs(store, chain) == [old.seq]
    own = run(store, 2, chain)
    assert chains.ends(store, chain, ["a"]) == {}
    assert chains.run_seqs(store, chain) == [old.seq, own.seq]


def test_a_chain_lives_while_a_run_does_or_is_to_be_retried(store: sqlite3.Connection) -> None:
    chain = chains.create(store, at_ms=NOW_MS)
    assert not chains.is_live(store, chain)
    live = run(store, 1, chain)
    assert chains.is_live(store, chain)
    failed = moved(store, live, E.LAUNCHED, E.FAILED)
    assert not chains.is_live(store, chain)
    job_runs.set_retry_due(store, failed, NOW_MS)
    assert chains.is_live(store, chain)

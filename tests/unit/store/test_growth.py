"""What a run's way and a look at runs cost does not grow with what is stored: counted in steps of SQLite, not in time."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from orchestrator.model.ids import JobRunId
from orchestrator.model.records import CapacityRequest, Invocation
from orchestrator.model.run_filter import RunFilter
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.store import (
    chains,
    changes,
    events,
    histories,
    job_runs,
    jobs,
    log_streams,
    retention,
    run_lists,
    run_times,
)
from orchestrator.supervisor import launching, settlement
from orchestrator.supervisor.intake import RunRequest, accept_run
from tests.support.history import RARE, History
from tests.support.records import NOW_MS, an_ending, opened, some_means

FEW: Final = 4_000
MANY: Final = 20_000
MORE_STEPS: Final = 60
"""What deeper trees may cost."""
_ENDLESS: Final = 2**62


def _key(store: sqlite3.Connection, name: str) -> int:
    return jobs.find_key(store, name) or 0


def _middle(store: sqlite3.Connection) -> int:
    return int(store.execute("SELECT max(seq) / 2 FROM job_run").fetchone()[0])


def _some(store: sqlite3.Connection) -> JobRunId:
    return job_runs.get_by_seq(store, _middle(store)).id


def _chain(store: sqlite3.Connection) -> int:
    return int(store.execute("SELECT max(chain_key) FROM chain").fetchone()[0])


def _newest(store: sqlite3.Connection, job_key: int | None, *states: JobRunState) -> object:
    wanted = RunFilter(job_key=job_key, states=frozenset(states))
    return run_lists.list_page(store, wanted, order="newest", after=None, limit=20)


def _whole_way(store: sqlite3.Connection) -> None:
    """Accept a run as a call of an SDK does, launch it, and end it with all that follows."""
    request = RunRequest(
        job_name="daily",
        capacity=CapacityRequest(),
        invocation=Invocation(id_digest=b"i" * 16, request_digest=b"r" * 16),
    )
    means = replace(some_means(), new_base=lambda: b"\xff" * 32)
    run_id = accept_run(store, request, means=means, at_ms=NOW_MS).run_id
    launching.launch_spec(store, job_runs.get_by_id(store, run_id))
    job_runs.move(store, run_id, RunEvent.LAUNCHED, at_ms=NOW_MS)
    settlement.settle_ended(store, run_id, an_ending(), means=means, at_ms=NOW_MS)


LOOKS: Final[dict[str, Callable[[sqlite3.Connection], object]]] = {
    "a run's whole way": _whole_way,
    "GetJobRun": lambda tx: job_runs.get_by_id(tx, _some(tx)),
    "a history": lambda tx: histories.read(tx, _middle(tx)),
    "GetJobRuns, first page": lambda tx: job_runs.list_page_of_job(tx, _key(tx, "daily"), before_seq=None, limit=20),
    "GetJobRuns, middle page": lambda tx: job_runs.list_page_of_job(
        tx, _key(tx, "daily"), before_seq=_middle(tx), limit=20
    ),
    "GetJobRuns, rare job": lambda tx: job_runs.list_page_of_job(tx, _key(tx, RARE), before_seq=None, limit=20),
    "GetJobRuns, no runs": lambda tx: job_runs.list_page_of_job(tx, _key(tx, "second"), before_seq=2, limit=20),
    "the queue": lambda tx: job_runs.list_live(tx, after_seq=0),
    "runs that occupy": lambda tx: job_runs.has_room(tx, _key(tx, "daily"), 1),
    "retries to come": lambda tx: job_runs.list_retry_due(tx, limit=9),
    "late runs": job_runs.list_untold_delays,
    "the last event": events.last_seq,
    "new events": lambda tx: events.list_page(tx, after_seq=events.last_seq(tx) - 9, limit=20),
    "/runs": lambda tx: _newest(tx, None),
    "/runs, RUNNING": lambda tx: _newest(tx, None, JobRunState.RUNNING),
    "/runs, FAILED": lambda tx: _newest(tx, None, JobRunState.FAILED),
    "/runs, TIMEOUT of a job": lambda tx: _newest(tx, _key(tx, "daily"), JobRunState.TIMEOUT),
    "/runs, the last ended": lambda tx: run_lists.list_page(tx, RunFilter(), order="ended", after=None, limit=20),
    "the last changes": lambda tx: changes.list_page(tx, after_seq=changes.span(tx).last_seq - 9, limit=20),
    "a timeline": lambda tx: run_times.list_alive(tx, since_ms=0, until_ms=_ENDLESS, limit=20),
    "/runs, by prefix": lambda tx: job_runs.find_by_prefix(tx, str(_some(tx))[3:15], limit=20),
    "attempts": lambda tx: job_runs.family(tx, _some(tx).base),
    "the last firing": lambda tx: chains.last_firing(tx, "then"),
    "a chain": lambda tx: chains.ends(tx, _chain(tx), ["first", "second"]),
    "log streams, by name": lambda tx: log_streams.list_by_name(tx, "", behind=None, is_descending=False, limit=20),
    "log streams, by age": lambda tx: log_streams.list_by_age(tx, from_seq=None, is_newest_first=True, limit=20),
    "log streams, the newest to write": lambda tx: log_streams.list_writing(
        tx, after_seq=log_streams.highest_launch(tx) - 9, upto_seq=_ENDLESS, since_ms=0, until_ms=_ENDLESS, limit=20
    ),
    "nothing to retire": lambda tx: [
        look(tx, after=0, before_ms=NOW_MS, now_ms=_ENDLESS, limit=50)
        for look in (retention.find_spent_chains, retention.find_spent_runs)
    ],
    "a slice to retire": lambda tx: retention.retire(
        tx,
        retention.find_spent_runs(tx, after=FEW // 2, before_ms=_ENDLESS, now_ms=_ENDLESS, limit=10).spent,
        before_ms=_ENDLESS,
    ),
}


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[sqlite3.Connection, sqlite3.Connection]]:
    few, many = (tmp_path_factory.mktemp("growth") / "state.db" for _ in range(2))
    History(few).fill(FEW, queued=5)
    History(many).fill(MANY, queued=5)
    with closing(opened(few)) as small, closing(opened(many)) as large:
        yield small, large


def steps_of(store: sqlite3.Connection, look: Callable[[sqlite3.Connection], object]) -> int:
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    store.execute("BEGIN")
    store.set_progress_handler(count, 1)
    try:
        look(store)
    finally:
        store.set_progress_handler(None, 0)
        store.execute("ROLLBACK")
    return steps


@pytest.mark.parametrize("name", LOOKS)
def test_it_costs_the_same_however_much_is_stored(
    stores: tuple[sqlite3.Connection, sqlite3.Connection], name: str
) -> None:
    few, many = (steps_of(store, LOOKS[name]) for store in stores)
    assert few > 0
    assert many <= few + max(MORE_STEPS, few // 10)


def test_a_walk_would_be_noticed(stores: tuple[sqlite3.Connection, sqlite3.Connection], tmp_path: Path) -> None:
    few, many = (steps_of(store, lambda tx: tx.execute("SELECT count(*) FROM event").fetchone()) for store in stores)
    walked = [steps_of(store, lambda tx: tx.execute("SELECT max(state) FROM event").fetchone()) for store in stores]
    assert few == many  # SQLite counts a whole tree in one step
    assert walked[1] > walked[0] + MORE_STEPS

"""Runs start in the order in which they were accepted, as slots are there; a store in trouble loses and invents none."""

import contextlib
import itertools
import signal
import sqlite3
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Final, Self

import pytest

from tests.support import disks, runs
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

ENVIRONMENT: Final = {"ORCHESTRATOR_CAPACITY__DPUS": "10", "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30"}
MANY: Final[dict[str, Any]] = {"ExecutionProperty": {"MaxConcurrentRuns": 50}}


class Gates:
    """Runs of one job that each end when they are let go; all have ended on leaving."""

    def __init__(self, daemon: Daemon, folder: Path, **members: Any) -> None:
        self.daemon = daemon
        self.job = daemon.job(f"gated_{uuid.uuid4()}", runs.WAIT_FOR_GATE, **{**MANY, **members})
        self._folder = folder
        self._numbers = itertools.count()
        self._gates: dict[str, Path] = {}

    def __enter__(self) -> Self:
        """Begin with no run."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let all runs go and wait for their ends."""
        for gate in self._gates.values():
            gate.touch()
        for run_id in self._gates:
            self.daemon.ended(self.job, run_id)

    def start(self, dpu: int, **members: Any) -> str:
        gate = self._folder / f"{self.job}.{next(self._numbers)}"
        members = {"AllocatedCapacity": dpu, "Arguments": {"--gate": str(gate)}, **members}
        run_id = runs.start(self.daemon, self.job, **members)
        self._gates[run_id] = gate
        return run_id

    def running(self, run_id: str) -> None:
        runs.in_state(self.daemon, self.job, run_id, "RUNNING")

    def let_go(self, run_id: str) -> None:
        self._gates[run_id].touch()
        assert self.daemon.ended(self.job, run_id)["JobRunState"] == "SUCCEEDED"

    def wait_of(self, run_id: str) -> tuple[str, str | None]:
        run = self.daemon.run(self.job, run_id)
        return run["JobRunState"], run.get("StateDetail")


# First come, first served.


def test_a_run_without_slots_waits_as_starting_and_says_for_what_and_where(daemon: Daemon, tmp_path: Path) -> None:
    with Gates(daemon, tmp_path) as gates:
        gates.running(gates.start(6))
        first, second = gates.start(10), gates.start(3)
        assert gates.wait_of(first) == ("STARTING", "Waiting for 10 DPU, 6 in use of 10; place 1 in the queue")
        assert gates.wait_of(second) == (
            "STARTING",
            "Waiting for 3 DPU behind place 1, 6 in use of 10; place 2 in the queue",
        )


def test_a_small_run_does_not_pass_a_large_one(daemon: Daemon, tmp_path: Path) -> None:
    with Gates(daemon, tmp_path) as gates:
        holder = gates.start(6)
        gates.running(holder)
        large, small = gates.start(8), gates.start(2)
        assert gates.wait_of(small)[1] == "Waiting for 2 DPU behind place 1, 6 in use of 10; place 2 in the queue"
        gates.let_go(holder)
        gates.running(large)
        gates.running(small)


def test_a_full_queue_refuses_more_and_nothing_that_it_has(tmp_path: Path) -> None:
    settings = {**ENVIRONMENT, "ORCHESTRATOR_CAPACITY__MAX_QUEUED": "2"}
    with running_daemon(tmp_path, settings) as daemon, Gates(daemon, tmp_path) as gates:
        holder = gates.start(10)
        gates.running(holder)
        waiting = [gates.start(10), gates.start(10)]
        refusal = runs.refused_start(daemon, gates.job, AllocatedCapacity=10)
        sentence = "2 runs wait to be started, and no more may ([capacity] max_queued); try again later."
        assert refusal == ("ResourceNumberLimitExceededException", sentence)
        assert len(daemon.call("GetJobRuns", {"JobName": gates.job})["JobRuns"]) == 3
        gates.let_go(holder)
        gates.running(waiting[0])
        waiting.append(gates.start(10))  # there is room again
        for run_id in waiting:
            gates.let_go(run_id)


def test_a_call_that_is_sent_again_to_a_full_queue_gets_its_answer(tmp_path: Path) -> None:
    settings = {**ENVIRONMENT, "ORCHESTRATOR_CAPACITY__MAX_QUEUED": "1"}
    with running_daemon(tmp_path, settings) as daemon, Gates(daemon, tmp_path) as gates:
        gates.running(gates.start(10))
        headers = {"amz-sdk-invocation-id": str(uuid.uuid4())}
        first = runs.start(daemon, gates.job, headers, AllocatedCapacity=2)
        assert runs.start(daemon, gates.job, headers, AllocatedCapacity=2) == first
        daemon.call("BatchStopJobRun", {"JobName": gates.job, "JobRunIds": [first]})


def test_a_place_moves_up_as_those_before_it_start(daemon: Daemon, tmp_path: Path) -> None:
    with Gates(daemon, tmp_path) as gates:
        first, second, third = (gates.start(10) for _ in range(3))
        gates.running(first)
        assert gates.wait_of(third)[1] == "Waiting for 10 DPU behind place 1, 10 in use of 10; place 2 in the queue"
        gates.let_go(first)
        gates.running(second)
        assert gates.wait_of(third)[1] == "Waiting for 10 DPU, 10 in use of 10; place 1 in the queue"


def test_runs_start_in_the_order_in_which_they_were_accepted(daemon: Daemon, tmp_path: Path) -> None:
    book = tmp_path / "book"
    script = f"import os\nopen({str(book)!r}, 'a').write(os.environ['ORCH_JOB_RUN_ID'] + '\\n')\n"
    job = daemon.job("in_order", script, **MANY)
    ids = [runs.start(daemon, job) for _ in range(12)]  # 10 DPU each: one at a time
    for run_id in ids:
        daemon.ended(job, run_id)
    assert book.read_text().split() == ids


def test_a_run_that_waits_does_not_count_as_running_time(daemon: Daemon, tmp_path: Path) -> None:
    with Gates(daemon, tmp_path) as gates:
        gates.running(gates.start(10))
        waiting = gates.start(10)
        assert daemon.run(gates.job, waiting)["ExecutionTime"] == 0


def test_a_run_whose_job_is_at_its_limit_steps_aside(daemon: Daemon, tmp_path: Path) -> None:
    one_at_once = {"ExecutionProperty": {"MaxConcurrentRuns": 1}, "JobRunQueuingEnabled": True}
    with Gates(daemon, tmp_path, **one_at_once) as limited, Gates(daemon, tmp_path) as other:
        limited.running(limited.start(2))
        waiting = limited.start(2)
        passing = other.start(2)
        other.running(passing)
        assert limited.wait_of(waiting) == (
            "WAITING",
            "Waiting for one of the job's 1 concurrent runs to end; place 1 in the queue",
        )


def test_a_run_with_queuing_on_waits_as_waiting_for_slots_too(daemon: Daemon, tmp_path: Path) -> None:
    with Gates(daemon, tmp_path) as gates:
        gates.running(gates.start(10))
        waiting = gates.start(10, JobRunQueuingEnabled=True)
        assert gates.wait_of(waiting) == ("WAITING", "Waiting for 10 DPU, 10 in use of 10; place 1 in the queue")


def test_a_run_that_started_has_no_state_detail(daemon: Daemon, tmp_path: Path) -> None:
    with Gates(daemon, tmp_path) as gates:
        run_id = gates.start(2)
        gates.running(run_id)
        assert gates.wait_of(run_id) == ("RUNNING", None)


@pytest.mark.parametrize("script", ["pass\n", "raise SystemExit(1)\n"])
def test_slots_are_free_again_however_a_run_ended(daemon: Daemon, script: str) -> None:
    job = daemon.job(f"ending_{uuid.uuid4()}", script, **MANY)
    for run_id in [runs.start(daemon, job) for _ in range(3)]:
        daemon.ended(job, run_id)
    assert runs.finish(daemon, job)["CompletedOn"]


def test_a_queued_run_can_be_stopped_and_the_next_takes_its_place(daemon: Daemon, tmp_path: Path) -> None:
    with Gates(daemon, tmp_path) as gates:
        gates.running(gates.start(10))
        stopped, behind = gates.start(10), gates.start(10)
        daemon.call("BatchStopJobRun", {"JobName": gates.job, "JobRunIds": [stopped]})
        run = daemon.ended(gates.job, stopped)
        assert (run["JobRunState"], run["ErrorMessage"]) == ("STOPPED", "Job run stopped by request before it started")
        assert gates.wait_of(behind)[1] == "Waiting for 10 DPU, 10 in use of 10; place 1 in the queue"


def test_the_queue_is_the_same_after_the_daemon_was_killed(tmp_path: Path) -> None:
    with running_daemon(tmp_path, ENVIRONMENT) as daemon, Gates(daemon, tmp_path) as gates:
        live, first, second = gates.start(6), gates.start(10), gates.start(3)
        gates.running(live)
        daemon.kill()
        daemon.start()
        assert gates.wait_of(live) == ("RUNNING", None)
        assert gates.wait_of(first) == ("STARTING", "Waiting for 10 DPU, 6 in use of 10; place 1 in the queue")
        assert gates.wait_of(second) == (
            "STARTING",
            "Waiting for 3 DPU behind place 1, 6 in use of 10; place 2 in the queue",
        )


_RUNS_QUEUED: Final = 1_000
_SLOTS: Final = 4
_RESTARTS: Final = ((100, signal.SIGKILL), (400, signal.SIGTERM), (700, signal.SIGKILL))
"""How many runs have started, and how the daemon ends then."""


@pytest.mark.soak
@pytest.mark.timeout(300)
def test_a_thousand_runs_behind_four_slots_start_in_order_across_three_restarts(tmp_path: Path) -> None:
    book, go = tmp_path / "book", tmp_path / "go"
    script = f'#!/bin/sh\nwhile [ ! -e {go} ]; do sleep 0.05; done\necho "$ORCH_JOB_RUN_ID" >> {book}\n'
    settings = {"ORCHESTRATOR_CAPACITY__DPUS": str(10 * _SLOTS), "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30"}
    with running_daemon(tmp_path, settings) as daemon:
        job = daemon.job("queued", script, suffix=".sh", ExecutionProperty={"MaxConcurrentRuns": _RUNS_QUEUED})
        queuing: tuple[dict[str, Any], ...] = ({}, {"JobRunQueuingEnabled": True})  # both kinds stand in one queue
        ids = [runs.start(daemon, job, **queuing[number % 2]) for number in range(_RUNS_QUEUED)]
        assert daemon.run(job, ids[-1])["StateDetail"].endswith(f"place {_RUNS_QUEUED - _SLOTS} in the queue")
        go.touch()

        def started() -> list[str]:
            return book.read_text().split() if book.exists() else []

        def has_started(count: int) -> bool:
            return len(started()) >= count

        for count, number in _RESTARTS:
            until(partial(has_started, count), within_s=60, what=f"{count} runs")
            daemon.kill(number)
            assert len(started()) < _RUNS_QUEUED
            daemon.start()
        until(partial(has_started, _RUNS_QUEUED), within_s=200, what="all runs")
        for run_id in ids[-2 * _SLOTS :]:
            assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"
    places = {run_id: place for place, run_id in enumerate(started())}
    assert sorted(places) == sorted(ids)
    assert len(started()) == len(ids)
    # A run begins when all before it have ended, but for those in the other slots: they alone may write after it.
    assert max(place - places[run_id] for place, run_id in enumerate(ids)) < _SLOTS


# Other limits.


def test_no_more_runs_live_at_once_than_max_processes(tmp_path: Path) -> None:
    settings = {"ORCHESTRATOR_CAPACITY__DPUS": "1000", "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "2"}
    with running_daemon(tmp_path, settings) as daemon, Gates(daemon, tmp_path) as gates:
        first, second, third = (gates.start(2) for _ in range(3))
        gates.running(first)
        gates.running(second)
        assert gates.wait_of(third) == ("STARTING", "Waiting for a process, 2 live of 2; place 1 in the queue")
        gates.let_go(first)
        gates.running(third)


def test_with_backfill_a_small_run_passes_a_large_one_that_it_cannot_delay(tmp_path: Path) -> None:
    settings = {**ENVIRONMENT, "ORCHESTRATOR_CAPACITY__ORDER": "backfill"}
    with running_daemon(tmp_path, settings) as daemon, Gates(daemon, tmp_path) as gates:
        gates.running(gates.start(6))
        head, harmless, delaying = gates.start(8), gates.start(2), gates.start(4)
        gates.running(harmless)
        assert gates.wait_of(head)[0] == "STARTING"
        assert gates.wait_of(delaying)[0] == "STARTING"


# A store that is busy.


@contextlib.contextmanager
def held_store(daemon: Daemon) -> Iterator[None]:
    """Hold the store's write lock, as a backup tool might."""
    with contextlib.closing(sqlite3.connect(daemon.state_dir / "state.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon that gives a write 1.5 s to begin."""
    settings = {"ORCHESTRATOR_OPERATION_TIMEOUT_S": "1.5"}
    with running_daemon(tmp_path_factory.mktemp("impatient"), settings) as running:
        yield running


def test_a_call_that_the_store_cannot_begin_in_time_is_withdrawn_and_stores_nothing(impatient: Daemon) -> None:
    job = impatient.job("withdrawn", "pass\n", **MANY)
    with held_store(impatient):
        assert runs.refused_start(impatient, job)[0] == "OperationTimeoutException"  # this one holds up the writer
        assert runs.refused_start(impatient, job) == (
            "OperationTimeoutException",
            "The operation did not begin within 1.5 seconds and was withdrawn; nothing was stored.",
        )
        assert impatient.call("GetJobRuns", {"JobName": job}) == {"JobRuns": []}  # reading goes on
    runs.succeed(impatient, job)
    assert len(impatient.call("GetJobRuns", {"JobName": job})["JobRuns"]) == 1


def test_a_store_that_is_held_for_longer_than_sqlite_waits_ends_neither_the_daemon_nor_a_run(
    impatient: Daemon, tmp_path: Path
) -> None:
    with Gates(impatient, tmp_path) as gates:
        live = gates.start(2)
        gates.running(live)
        with held_store(impatient):
            gates._gates[live].touch()  # its end cannot be stored now
            held_until = time.monotonic() + 6  # busy_timeout is 5 s
            while time.monotonic() < held_until:
                assert runs.refused_start(impatient, gates.job)[0] in {
                    "OperationTimeoutException",
                    "InternalServiceException",
                }
        assert impatient.ended(gates.job, live)["JobRunState"] == "SUCCEEDED"
        assert impatient.process is not None
        assert impatient.process.poll() is None
        assert len(impatient.call("GetJobRuns", {"JobName": gates.job})["JobRuns"]) == 1


# A disk that is full.


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Lend a file system of 16 MiB, and take it away."""
    with disks.small_disk(tmp_path) as disk:
        yield disk


@pytest.fixture
def on_small_disk(small_disk: Path, tmp_path: Path) -> Iterator[Daemon]:
    """Lend a daemon whose state is on the small disk."""
    daemon = Daemon(tmp_path / "daemon")
    daemon.state_dir = small_disk / "state"
    with daemon:
        yield daemon


def test_a_start_on_a_full_disk_is_refused_or_fails_with_the_errnos_text_and_all_is_well_when_there_is_room(
    on_small_disk: Daemon, small_disk: Path
) -> None:
    daemon = on_small_disk
    job = daemon.job("full", "pass\n", **MANY)
    before = runs.succeed(daemon, job)["Id"]
    accepted, refusals = [], []
    with disks.full(small_disk):
        for _ in range(40):
            answer = daemon.call("StartJobRun", {"JobName": job})
            if "JobRunId" in answer:
                accepted.append(answer["JobRunId"])
            else:
                refusals.append(runs.refusal(answer))
        assert refusals  # the log of the database has no room for forty
        assert set(refusals) <= {
            (
                "InternalServiceException",
                "The disk is full: nothing was stored, and the same call may succeed later.",
            ),
        }
    for run_id in accepted:
        run = daemon.ended(job, run_id)
        assert run["JobRunState"] == "SUCCEEDED" or "No space left on device" in run["ErrorMessage"], run
    after = runs.succeed(daemon, job)["Id"]
    listed = [run["Id"] for run in daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]]
    assert listed == [after, *reversed(accepted), before]


def test_a_run_that_ends_while_the_disk_is_full_loses_nothing(
    on_small_disk: Daemon, small_disk: Path, tmp_path: Path
) -> None:
    with Gates(on_small_disk, tmp_path) as gates:
        live = gates.start(10)
        gates.running(live)
        with disks.full(small_disk):
            gates._gates[live].touch()
            until((runs_of(small_disk, live) / "ending.json").exists, what="the sealed ending")
        assert on_small_disk.ended(gates.job, live)["JobRunState"] == "SUCCEEDED"


def test_a_launch_that_finds_no_room_fails_the_run_with_the_errnos_text_and_the_next_run_succeeds(
    on_small_disk: Daemon, small_disk: Path
) -> None:
    job = on_small_disk.job("no_room", "pass\n", **MANY)
    runs.succeed(on_small_disk, job)  # the database has all of its files now
    with disks.without_inodes(small_disk):
        run_id = runs.start(on_small_disk, job)
        # The claim is what makes sure that it never starts, and there is no room for that either.
        until(lambda: "job_run_delayed" in on_small_disk.log(), what="the launch")
    run = on_small_disk.ended(job, run_id)
    assert run["JobRunState"] == "FAILED"
    assert "No space left on device" in run["ErrorMessage"]
    runs.succeed(on_small_disk, job)


def runs_of(disk: Path, run_id: str) -> Path:
    return disk / "state" / "runs" / run_id[3:5] / run_id

"""An idle daemon costs next to nothing, however many runs it remembers."""

import json
import secrets
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

import psutil
import pytest

from orchestrator.model.ids import JobRunId
from orchestrator.model.records import Capacity, CapacityRequest, Command, JobDefinition, NewRun, RunFigures
from orchestrator.model.states import JobRunState, RunEvent
from orchestrator.store import job_runs, jobs, migration
from orchestrator.store.state_directory import hold
from tests.support.daemon import Daemon

pytestmark = [pytest.mark.soak, pytest.mark.timeout(180)]

IDLE_S: Final = 60
MOST_RSS_BYTES: Final = 70 * 1024 * 1024
MOST_OF_A_CORE: Final = 0.003
STORED_RUNS: Final = 10_000


def store_ended_runs(state_dir: Path, count: int) -> None:
    """Fill a state directory with a job and its ended runs, which are not old enough to be deleted."""
    first_ms = time.time_ns() // 1_000_000 - 30 * 86_400_000
    with hold(state_dir) as directory:
        directory.runs.mkdir(mode=0o700)
        with closing(sqlite3.connect(directory.database, isolation_level=None)) as tx:
            tx.row_factory = sqlite3.Row
            migration.prepare(tx, ("PRAGMA journal_mode = WAL", "PRAGMA foreign_keys = ON"))
            tx.execute("BEGIN IMMEDIATE")
            definition = JobDefinition(role="r", command=Command(name="pythonshell"), capacity=CapacityRequest())
            job = jobs.create(tx, "remembered", definition, source=None, at_ms=first_ms)
            for number in range(count):
                at_ms = first_ms + number * 1000
                run = NewRun(
                    id=JobRunId(secrets.token_bytes(32)),
                    previous_attempt=None,
                    job_key=job.job_key,
                    version_key=job.version_key,
                    state=JobRunState.STARTING,
                    arguments={"--day": str(number)},
                    capacity=Capacity(dpu=10.0),
                    timeout_min=2880,
                    queuing_enabled=False,
                    notify_delay_after_min=None,
                    execution_class=None,
                    security_configuration=None,
                    session_policy=None,
                    trigger_name=None,
                    invocation=None,
                    accepted_on_ms=at_ms,
                )
                job_runs.insert(tx, run)
                job_runs.move(tx, run.id, RunEvent.LAUNCHED, at_ms=at_ms + 1)
                job_runs.move(tx, run.id, RunEvent.SUCCEEDED, at_ms=at_ms + 2, figures=RunFigures(wall_ms=1))
            tx.execute("COMMIT")


@pytest.mark.parametrize("stored", [0, STORED_RUNS])
def test_an_idle_daemon_is_small_and_sleeps(tmp_path: Path, stored: int) -> None:
    daemon = Daemon(tmp_path)
    if stored:
        store_ended_runs(daemon.state_dir, stored)
    with daemon:
        assert len(json.loads(daemon.get("/runs?limit=1000")[1])["runs"]) == min(stored, 1000)
        process = psutil.Process(daemon.pid)
        before = process.cpu_times()
        time.sleep(IDLE_S)  # idleness itself is what is measured
        after = process.cpu_times()
        used_s = after.user + after.system - before.user - before.system
        rss_bytes = process.memory_info().rss
    assert rss_bytes < MOST_RSS_BYTES, f"{rss_bytes / 2**20:.1f} MiB"
    assert used_s / IDLE_S < MOST_OF_A_CORE, f"{used_s:.2f} s in {IDLE_S} s"

"""/healthz says that the process answers; /readyz tells the truth about all that a run needs, and each look can fail."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from orchestrator import __version__
from orchestrator.faces import health
from orchestrator.faces.loop_lag import WITHIN_S
from tests.support import disks, runs
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

_CHECKS: Final = ["event_loop", "store_read", "store_write", "disk", "launch", "queue"]


def ready(daemon: Daemon) -> tuple[int, dict[str, str]]:
    """Return the status of /readyz, and the problems by name."""
    status, body, _ = daemon.get("/readyz")
    told: dict[str, Any] = json.loads(body)
    assert [check["name"] for check in told["checks"]] == _CHECKS
    assert all(check["is_ok"] == (check["problem"] is None) for check in told["checks"])
    problems = {check["name"]: check["problem"] for check in told["checks"] if not check["is_ok"]}
    assert (status == 200, told["status"] == "ok") == (not problems, not problems)
    assert told["now_ms"] == pytest.approx(time.time() * 1000, abs=60_000)
    return status, problems


def check_alive(daemon: Daemon) -> None:
    """Hold that /healthz says so, whatever else there is."""
    status, body, _ = daemon.get("/healthz")
    assert (status, json.loads(body)) == (200, {"status": "ok", "version": __version__})


def wait_until_ready(daemon: Daemon, within_s: float = 20) -> None:
    until(lambda: ready(daemon)[0] == 200, within_s=within_s, what="a daemon that is ready")


def spawn_server(daemon: Daemon) -> psutil.Process | None:
    """Return the live spawn server of scripts that are executed."""
    for process in psutil.Process(daemon.pid).children():
        try:
            if any(word.endswith("spawn_server.py") for word in process.cmdline()):
                return process
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return None


def test_a_daemon_that_serves_is_ready(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        check_alive(daemon)
        assert ready(daemon) == (200, {})


@contextmanager
def held_by_another(daemon: Daemon) -> Iterator[None]:
    """Hold the database's lock, as another program would."""
    with closing(sqlite3.connect(daemon.state_dir / "state.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


def test_a_store_that_another_program_holds_is_told_in_time_and_the_process_lives(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        with held_by_another(daemon):
            began_s = time.monotonic()
            status, problems = ready(daemon)
            assert time.monotonic() - began_s < health.PATIENCE_S + 3
            assert (status, list(problems)) == (503, ["store_write"])
            assert "could not be written within 2 s" in problems["store_write"]
            check_alive(daemon)
        wait_until_ready(daemon)


def test_a_probe_leaves_the_disk_alone_where_a_commit_is_fresh(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        daemon.job("any", "")
        log = daemon.state_dir / "state.db-wal"
        before = log.stat().st_size
        for _ in range(10):
            assert ready(daemon) == (200, {})
        assert log.stat().st_size == before


def test_a_disk_without_room_is_told_before_and_when_it_is_full(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    disks.mount(["-t", "tmpfs", "-o", "size=96m,nr_inodes=2000", "tmpfs", str(disk)], what="a disk that fills")
    try:
        with running_daemon(disk) as daemon:
            assert ready(daemon) == (200, {})
            little = disk / "little"
            little.write_bytes(b"x" * 64 * 1024 * 1024)
            status, problems = ready(daemon)
            assert (status, list(problems)) == (503, ["disk"])
            assert problems["disk"].endswith("MiB are free")
            with disks.full(disk):
                check_alive(daemon)
                assert ready(daemon)[1]["disk"] == "0 MiB are free"
            little.unlink()
            wait_until_ready(daemon)
            with disks.without_inodes(disk):
                assert "no inode is" in ready(daemon)[1]["disk"]
            wait_until_ready(daemon)
            daemon.terminate()
            daemon.end_runs()
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_an_event_loop_that_was_held_up_is_told_of_for_some_seconds(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        wait_until_ready(daemon)  # and from now on it is measured
        os.kill(daemon.pid, signal.SIGSTOP)
        time.sleep(health.LATE_S + 1.5)  # that it stands still is what is tested
        os.kill(daemon.pid, signal.SIGCONT)
        status, problems = ready(daemon)
        assert (status, list(problems)) == (503, ["event_loop"])
        assert "s late within the last" in problems["event_loop"]
        check_alive(daemon)
        wait_until_ready(daemon, within_s=2 * WITHIN_S)


def test_a_spawn_server_that_does_not_begin_a_run_is_told_until_it_is_replaced(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        job = daemon.job("quick", "#!/bin/sh\n:", suffix=".sh")
        server = until(lambda: spawn_server(daemon), what="a spawn server")
        assert server is not None
        server.suspend()
        run_id = runs.start(daemon, job)
        until(lambda: "launch" in ready(daemon)[1], what="that it is told")
        assert "has not begun a run" in ready(daemon)[1]["launch"]
        check_alive(daemon)
        assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"  # by the next server
        wait_until_ready(daemon)


def test_a_spawn_server_that_ends_whenever_it_is_started_is_told(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:

        def kill_and_ask() -> str | None:
            server = spawn_server(daemon)
            if server is not None:
                server.kill()
            return ready(daemon)[1].get("launch")

        problem = until(kill_and_ask, what="that it is told")
        assert problem is not None
        assert problem.startswith("the spawn server ended ")
        wait_until_ready(daemon)
        assert spawn_server(daemon) is not None  # it was started for who asked


def test_a_queue_that_takes_no_more_is_told(tmp_path: Path) -> None:
    settings = {"ORCHESTRATOR_CAPACITY__MAX_QUEUED": "1", "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "1"}
    with running_daemon(tmp_path, settings) as daemon:
        job = daemon.job("long", runs.WAIT_FOR_GATE, ExecutionProperty={"MaxConcurrentRuns": 9})
        with runs.gated_run(daemon, job, tmp_path / "gate") as first:
            second = runs.start(daemon, job, Arguments={"--gate": str(tmp_path / "gate")})
            status, problems = ready(daemon)
            assert (status, list(problems)) == (503, ["queue"])
            assert "1 runs wait" in problems["queue"]
        for run_id in (first, second):
            daemon.ended(job, run_id)
        wait_until_ready(daemon)


def test_who_may_not_call_is_told_nothing(tmp_path: Path) -> None:
    with running_daemon(tmp_path) as daemon:
        for path in ("/healthz", "/readyz", "/metrics"):
            connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=10)
            with closing(connection):
                connection.request("GET", path, headers={"Host": "elsewhere.example"})
                answer = connection.getresponse()
                assert (answer.status, json.loads(answer.read())["__type"]) == (403, "AccessDeniedException")

"""A daemon without descriptors or room for processes is slow or refuses; it never dies, and recovers by itself.

Descriptors are taken from the live daemon by a limit (prlimit), room for processes by the tracer (fork fails: EAGAIN).
"""

import json
import os
import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil
import pytest

from orchestrator.executors.interface import Ended
from orchestrator.executors.local.run_directory import RunDirectory, boot_id
from tests.support import runs
from tests.support.crashing import Lives, check_nothing_left, check_ran_once, check_truthful
from tests.support.daemon import ROOT, Daemon
from tests.support.records import ending_fields
from tests.support.records import run_id as a_run_id
from tests.support.strace import BEGINS, Tracers, tracing
from tests.support.waiting import until
from tests.support.wire import connect, read_answer, request

_RUNS: Final = 5
_FEW: Final = 2
_ENOUGH_FOR_A_SHIM: Final = 100
"""Shims inherit the limit; it is the daemon that has no descriptor left."""
_NO_SERVER: Final = """\
import sys
if "serve" in sys.orig_argv:
    import orchestrator.executors.local.spawning as spawning
    spawning.Spawner.spawn = lambda *_: False
"""
_NO_ROOM: Final = ("-e", "trace=clone,clone3,vfork,fork", "-e", "inject=clone,clone3,vfork,fork:error=EAGAIN")


@pytest.fixture(params=[False, True], ids=["forked", "executed"])
def lives(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lives]:
    """Lend a daemon whose shims are forked, or executed because no server answers."""
    environment = {}
    if request.param:
        (tmp_path / "sitecustomize.py").write_text(_NO_SERVER)
        environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{ROOT}"
    lives = Lives(tmp_path, environment=environment)
    del lives.daemon.environment["ORCHESTRATOR_CRASH_LOG"]  # it would need descriptors of its own
    with lives:
        yield lives


@contextmanager
def _descriptors(daemon: Daemon, spare: int) -> Iterator[None]:
    """Let the daemon have so many descriptors more than it has now, for as long as this lasts."""
    process = psutil.Process(daemon.pid)
    before = process.rlimit(resource.RLIMIT_NOFILE)
    most = max(_ENOUGH_FOR_A_SHIM, *(int(one.name) + 1 for one in Path(f"/proc/{daemon.pid}/fd").iterdir()))
    with ExitStack() as filled:
        # What is free below the limit is taken by connections, which the daemon accepts, answers and keeps. It is
        # counted anew for each: the daemon may still close some that it had for the runs before, and its reserve.
        process.rlimit(resource.RLIMIT_NOFILE, (most, before[1]))
        until(
            lambda: _count(daemon) >= most - spare or _is_refused(filled.enter_context(connect(daemon.port))),
            what="a daemon that has hardly a descriptor left",
        )
        try:
            yield
        finally:
            process.rlimit(resource.RLIMIT_NOFILE, before)


def _count(daemon: Daemon) -> int:
    return sum(1 for _ in Path(f"/proc/{daemon.pid}/fd").iterdir())


def _is_refused(connection: socket.socket) -> bool:
    """Call on a new connection, and return whether no descriptor was left for it."""
    connection.sendall(request())
    status = read_answer(connection).status
    assert status in (200, 503), status
    return status == 503


def _start_on(connection: socket.socket, job: str) -> str:
    connection.sendall(request(f'{{"JobName": "{job}"}}'.encode(), target="AWSGlue.StartJobRun"))
    answer = read_answer(connection)
    assert answer.status == 200, answer
    return str(answer.members["JobRunId"])


def _zombies(daemon: Daemon) -> list[psutil.Process]:
    return [one for one in psutil.Process(daemon.pid).children() if one.status() == psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("spare", [0, _FEW])
def test_without_descriptors_calls_are_taken_on_what_is_open_and_runs_happen_later(lives: Lives, spare: int) -> None:
    daemon = lives.daemon
    go = lives.daemon.root / "go"
    script = lives.markers.script(f"import time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)")
    job = lives.client.job("job", script, ExecutionProperty={"MaxConcurrentRuns": 100})
    at_once = [lives.client.start(job) for _ in range(_RUNS)]  # so many shims may wait for further runs
    lives.markers.wait_for("start", count=_RUNS)
    go.touch()
    for run_id in at_once:
        lives.wait_for_end(run_id)
    open_before = _count(daemon)
    with connect(daemon.port) as kept:
        kept.sendall(request())
        assert read_answer(kept).status == 200
        with _descriptors(daemon, spare):
            cpu_before = sum(psutil.Process(daemon.pid).cpu_times()[:2])
            run_ids = [_start_on(kept, job) for _ in range(_RUNS)]
            late = [
                connect(daemon.port) for _ in range(_RUNS)
            ]  # the kernel takes them; whether the daemon does is open
            for one in late:
                one.sendall(request())
            kept.sendall(request(b'{"JobName": "job"}', target="AWSGlue.GetJobRuns"))
            assert read_answer(kept).status == 200
            assert daemon.process is not None
            assert daemon.process.poll() is None
            assert sum(psutil.Process(daemon.pid).cpu_times()[:2]) - cpu_before < 5
        for one in late:
            with one, suppress(ConnectionError, IndexError):  # cut off, which every client answers by calling again
                assert read_answer(one).status in (200, 503)  # or told so, which is answered in the same way
    for run_id in run_ids:
        lives.wait_for_end(run_id)
        run = check_truthful(daemon, run_id)
        assert run["state"] == "SUCCEEDED", run
        check_ran_once(lives.markers, run)
    until(lambda: _count(daemon) <= open_before + 2, what="no descriptor that is left over")
    until(lambda: not _zombies(daemon), what="no zombie that is left over")
    assert runs.succeed(daemon, job)
    check_nothing_left(daemon, lives.markers)


@pytest.fixture
def tracers(tmp_path: Path) -> Iterator[Tracers]:
    """Lend tracers."""
    with tracing(tmp_path) as tracers:
        yield tracers


def test_a_server_that_cannot_fork_leaves_its_runs_to_shims_that_are_executed(tmp_path: Path, tracers: Tracers) -> None:
    with Lives(tmp_path, log_level="debug") as lives:
        job = lives.client.job("job", lives.markers.script("note('of', os.getppid())"))
        (server,) = psutil.Process(lives.daemon.pid).children()
        tracers.trace(server.pid, *_NO_ROOM)
        run = runs.succeed(lives.daemon, job)
        assert "shim_not_forked" in lives.daemon.log()
        assert "Resource temporarily unavailable" in lives.daemon.log()
        check_ran_once(lives.markers, check_truthful(lives.daemon, run["Id"]))
        tracers.end()
        assert runs.succeed(lives.daemon, job)
        check_nothing_left(lives.daemon, lives.markers)


def test_a_daemon_that_cannot_start_a_process_starts_it_later(tmp_path: Path, tracers: Tracers) -> None:
    (tmp_path / "sitecustomize.py").write_text(_NO_SERVER)
    environment = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    with Lives(tmp_path, environment=environment) as lives:
        job = lives.client.job("job", lives.markers.script())
        tracers.trace(lives.daemon.pid, "-f", *_NO_ROOM)
        run_id = lives.client.start(job)
        until(
            lambda: "job_run_delayed" in lives.daemon.log() or "job_run_trouble" in lives.daemon.log(), what="a delay"
        )
        assert lives.daemon.run(job, run_id)["JobRunState"] == "STARTING"
        assert not lives.markers.all()
        tracers.end()
        lives.wait_for_end(run_id)
        run = check_truthful(lives.daemon, run_id)
        assert run["state"] == "SUCCEEDED"
        check_ran_once(lives.markers, run)


def test_a_shim_that_cannot_fork_fails_its_run_with_the_errnos_text_and_once(tmp_path: Path, tracers: Tracers) -> None:
    with Lives(tmp_path, [BEGINS]) as lives:
        job = lives.client.job("job", lives.markers.script())
        run_id = lives.client.start(job)
        tracers.trace_shim(run_id, *_NO_ROOM)
        lives.wait_for_end(run_id)
        run = check_truthful(lives.daemon, run_id)
        assert (run["state"], run["error_message"]) == (
            "FAILED",
            "The script could not be started: [Errno 11] Resource temporarily unavailable",
        )
        assert not lives.markers.all()
        check_nothing_left(lives.daemon, lives.markers)


def test_an_ending_that_cannot_be_opened_now_is_not_taken_for_missing(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path, a_run_id(1))
    directory.create()
    (directory.path / "claim").write_text(json.dumps({"by": "shim", "pid": 7, "boot_id": boot_id()}))
    (directory.path / "ending.json").write_text(json.dumps(ending_fields()))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    next_free = os.dup(0)
    os.close(next_free)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (next_free, before[1]))
        with pytest.raises(OSError, match=r"Too many open files: .*ending\.json"):
            directory._ending()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert isinstance(directory.look(), Ended)

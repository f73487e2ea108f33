"""What stands in a run's directory may be torn, foreign or hostile: that is the run's own trouble, nobody else's.

The daemon is restarted on it, or reads it while it runs. No pipe and no device is waited for, and nobody is signalled
because a file names him. (tests/crash/test_adoption.py has torn files; the contents are fuzzed beside this file.)
"""

import contextlib
import http.client
import json
import os
import shutil
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.support import runs
from tests.support.crashing import (
    Lives,
    check_nothing_left,
    check_ran_once,
    check_truthful,
    kill,
    run_directory,
    shim_of,
)
from tests.support.daemon import Daemon
from tests.support.waiting import until

_MANY: Final = {"MaxConcurrentRuns": 100}
_NO_PROCESS: Final = (1 << 22) - 1
_ZERO_DEVICE: Final = os.makedev(1, 5)
_NO_DEVICE: Final = os.makedev(250, 250)
_TIB: Final = 1 << 40
_MIB: Final = 1 << 20


def _is_pipe(path: Path) -> None:
    os.mkfifo(path)


def _is_directory(path: Path) -> None:
    path.mkdir()


def _is_link(path: Path) -> None:
    path.symlink_to("/etc/passwd")


def _is_socket(path: Path) -> None:
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as one:
        one.bind(path.name)


def _is_endless_device(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, _ZERO_DEVICE)


def _is_device_without_driver(path: Path) -> None:
    os.mknod(path, stat.S_IFCHR | 0o600, _NO_DEVICE)


def _is_huge(path: Path) -> None:
    path.touch()
    os.truncate(path, _TIB)


def _is_anothers(path: Path) -> None:
    path.write_text("{}")
    os.chown(path, 12345, 12345)


def _is_forbidden(path: Path) -> None:
    path.write_text("{}")
    path.chmod(0)


_FOREIGN: Final[tuple[Callable[[Path], None], ...]] = (
    _is_pipe,
    _is_directory,
    _is_link,
    _is_socket,
    _is_endless_device,
    _is_device_without_driver,
    _is_huge,
    _is_anothers,
    _is_forbidden,
)


@pytest.fixture(autouse=True)
def _devices() -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: devices and files of others in a run directory. Only root can make them")


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    """Lend a daemon."""
    with Lives(tmp_path) as lives:
        yield lives


def _gated(lives: Lives, count: int) -> tuple[str, list[str]]:
    """Start runs that wait for the file `go`; return their job and their ids when all have started."""
    go = lives.daemon.root / "go"
    script = lives.markers.script(f"import time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n")
    job = lives.client.job("job", script, ExecutionProperty=_MANY)
    run_ids = [lives.client.start(job) for _ in range(count)]
    lives.markers.wait_for("start", count=count)
    return job, run_ids


def _check_others(lives: Lives, job: str, well: str) -> None:
    """Hold that the run that is well, and one that begins now, end as ever."""
    following = lives.client.start(job)
    (lives.daemon.root / "go").touch()
    for run_id in (well, following):
        lives.wait_for_end(run_id)
        assert check_truthful(lives.daemon, run_id)["state"] == "SUCCEEDED"


def test_foreign_files_in_the_place_of_a_dead_runs_fail_that_run_alone(lives: Lives) -> None:
    cases = [(name, put) for name in ("claim", "ending.json") for put in _FOREIGN]
    job, (well, *damaged) = _gated(lives, 1 + len(cases))
    lives.daemon.kill()
    shims = [shim_of(lives.daemon, run_id) for run_id in damaged]
    for shim in shims:
        kill(shim.pid)
    until(lambda: not any(shim.is_running() for shim in shims), what="the death of the shims")
    for run_id, (name, put) in zip(damaged, cases, strict=True):
        path = run_directory(lives.daemon, run_id) / name
        path.unlink(missing_ok=True)
        put(path)
    lives.revive()
    for run_id, (name, put) in zip(damaged, cases, strict=True):
        lives.wait_for_end(run_id)
        run = check_truthful(lives.daemon, run_id)
        assert (name, put.__name__, run["state"]) == (name, put.__name__, "FAILED")
        check_ran_once(lives.markers, run)
    _check_others(lives, job, well)
    check_nothing_left(lives.daemon, lives.markers)
    for run_id in damaged:  # a socket and a device are nothing that a person is to remove
        shutil.rmtree(run_directory(lives.daemon, run_id))


def test_a_claim_that_names_another_under_a_live_shim_signals_nobody_and_hangs_nothing(lives: Lives) -> None:
    """The lock is held, so a shim lives; but what the claim says of it is not true."""
    stranger = subprocess.Popen(["sleep", "60"])
    pids = [stranger.pid, _NO_PROCESS, 1, 0, -1, True, 10**30, 0.5, None]
    try:
        job, (well, copied, *damaged) = _gated(lives, 2 + len(pids))
        lives.daemon.kill()
        for run_id, pid in zip(damaged, pids, strict=True):
            claim = run_directory(lives.daemon, run_id) / "claim"
            claim.write_text(json.dumps({**json.loads(claim.read_text()), "pid": pid}))
        claim_of = {run_id: run_directory(lives.daemon, run_id) / "claim" for run_id in (well, copied)}
        claim_of[copied].write_text(claim_of[well].read_text())
        lives.revive()
        for run_id in (copied, *damaged):
            lives.wait_for_end(run_id)
            run = check_truthful(lives.daemon, run_id)
            assert (run_id, run["state"]) == (run_id, "FAILED")
            check_ran_once(lives.markers, run)
        assert stranger.poll() is None
        _check_others(lives, job, well)
        check_nothing_left(lives.daemon, lives.markers)
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}'])
def test_a_run_whose_claim_is_overwritten_while_the_daemon_watches_can_be_stopped(lives: Lives, content: str) -> None:
    job, [run_id] = _gated(lives, 1)
    until(lambda: lives.daemon.run(job, run_id)["JobRunState"] == "RUNNING", what="a run that is RUNNING")
    (run_directory(lives.daemon, run_id) / "claim").write_text(content)
    lives.client.stop(job, run_id)
    lives.wait_for_end(run_id)
    assert check_truthful(lives.daemon, run_id)["state"] == "STOPPED"
    check_nothing_left(lives.daemon, lives.markers)


def test_a_directory_that_leads_to_another_runs_is_not_that_runs(lives: Lives) -> None:
    job, (well, linked) = _gated(lives, 2)
    lives.daemon.kill()
    shim = shim_of(lives.daemon, linked)
    kill(shim.pid)
    until(lambda: not shim.is_running(), what="the death of the shim")
    shutil.rmtree(run_directory(lives.daemon, linked))
    run_directory(lives.daemon, linked).symlink_to(run_directory(lives.daemon, well))
    lives.revive()
    lives.wait_for_end(linked)
    assert check_truthful(lives.daemon, linked)["state"] == "FAILED"
    until(lambda: lives.daemon.run(job, well)["JobRunState"] == "RUNNING", what="the record of a launch")
    _check_others(lives, job, well)
    check_nothing_left(lives.daemon, lives.markers)


def test_a_log_that_is_no_file_of_ours_reads_as_empty_and_at_once(lives: Lives) -> None:
    job = lives.client.job("job", lives.markers.script("print('said')"), ExecutionProperty=_MANY)
    for put in _FOREIGN:
        run_id = lives.client.start(job)
        lives.wait_for_end(run_id)
        directory = run_directory(lives.daemon, run_id)
        for name in ("stdout.log", "stdout.times"):
            (directory / name).unlink(missing_ok=True)
            put(directory / name)
        status, body, headers = lives.daemon.get(f"/runs/{run_id}/log/stdout?wait_s=30")
        expected = {"_is_huge": b"\0" * _MIB, "_is_anothers": b"{}", "_is_forbidden": b"{}"}.get(put.__name__, b"")
        assert (put.__name__, status, body) == (put.__name__, http.HTTPStatus.OK, expected)
        assert headers["x-log-complete"] == ("false" if put is _is_huge else "true")
        answer = _log_events(lives.daemon, run_id)
        assert set(answer) == {"events", "nextForwardToken", "nextBackwardToken"}, (put.__name__, answer)
    assert psutil.Process(lives.daemon.pid).memory_info().rss < 300 * _MIB
    assert runs.succeed(lives.daemon, job)["JobRunState"] == "SUCCEEDED"


def _log_events(daemon: Daemon, run_id: str) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", daemon.port, timeout=30)
    try:
        members = {"logGroupName": "/aws-glue/python-jobs/output", "logStreamName": run_id}
        headers = {"X-Amz-Target": "Logs_20140328.GetLogEvents", "Content-Type": "application/x-amz-json-1.1"}
        connection.request("POST", "/", json.dumps(members), headers)
        answer: dict[str, Any] = json.loads(connection.getresponse().read())
        return answer
    finally:
        connection.close()

"""Pids are used again, and in a container nobody may reap: a pid is never taken for a process, nor a zombie for a life.

All of this is run in a pid namespace whose first process reaps nobody, and where the test chooses the next pid.
"""

import contextlib
import http.client
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.support import processes
from tests.support.crashing import (
    Lives,
    check_nothing_left,
    check_ran_once,
    check_truthful,
    is_dead,
    kill,
    run_directory,
)
from tests.support.pid_namespace import PidNamespace, pid_namespace
from tests.support.waiting import until

_FAMILY: Final = """
import subprocess, time
child = subprocess.Popen(["sleep", "60"], start_new_session=True)
note("family", child.pid)
time.sleep(60)
"""
_LEAVES_A_CHILD: Final = """
import subprocess, sys
deaf = "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
child = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE, start_new_session=True)
child.stdout.readline()
note("family", child.pid)
"""
_MANY: Final = {"MaxConcurrentRuns": 9}


@pytest.fixture
def namespace() -> Iterator[PidNamespace]:
    """Lend a pid namespace."""
    with pid_namespace() as namespace:
        yield namespace


def _lives(root: Path, namespace: PidNamespace, *points: str, stop_grace_s: float = 2) -> Lives:
    lives = Lives(root, points, runs__stop_grace_s=stop_grace_s)
    lives.daemon.popen = namespace.popen
    lives.markers.are_pids_ours = False
    return lives


class _Family:
    """A run whose script has a child: who they are, inside and here."""

    def __init__(self, lives: Lives, namespace: PidNamespace, script: str = _FAMILY) -> None:
        """Start it."""
        self._lives = lives
        self.job = lives.client.job("family", lives.markers.script(script), ExecutionProperty=_MANY)
        self.run_id = lives.client.start(self.job)
        (marker,) = lives.markers.wait_for("family", run_id=self.run_id)
        self.script_inside = marker.pid
        self.shim_inside = int(json.loads((run_directory(lives.daemon, self.run_id) / "claim").read_text())["pid"])
        self.shim = psutil.Process(namespace.pid_outside(self.shim_inside))
        self.child = psutil.Process(namespace.pid_outside(int(marker.more[0])))

    def check_ended(self, state: str, message: str | None) -> None:
        """Hold that it ends so, that nothing of it is left, and that another run is as ever."""
        self._lives.wait_for_end(self.run_id)
        run = check_truthful(self._lives.daemon, self.run_id)
        assert (run["state"], run["error_message"]) == (state, message)
        check_ran_once(self._lives.markers, run)
        assert not processes.is_alive(self.child.pid)
        check_nothing_left(self._lives.daemon, self._lives.markers)
        job = self._lives.client.job("next", self._lives.markers.script())
        assert self._lives.daemon.ended(job, self._lives.client.start(job))["JobRunState"] == "SUCCEEDED"


_DIED: Final = "How the script ended is unknown: its shim died"


@pytest.mark.parametrize("is_stopping", [False, True], ids=["running", "stopping"])
def test_a_stranger_with_the_pids_of_a_dead_shim_and_script_is_left_alone(
    tmp_path: Path, namespace: PidNamespace, *, is_stopping: bool
) -> None:
    """The daemon that starts adopts nobody, stops nobody, and sweeps the run's own child only."""
    with _lives(tmp_path, namespace, *(["request_stop.committed"] if is_stopping else [])) as lives:
        family = _Family(lives, namespace)
        until(lambda: lives.daemon.run(family.job, family.run_id)["JobRunState"] == "RUNNING", what="a RUNNING run")
        kill(family.shim.pid, signal.SIGSTOP)  # it shall not hear of a stop
        if is_stopping:
            with contextlib.suppress(OSError, http.client.HTTPException):
                lives.daemon.call("BatchStopJobRun", {"JobName": family.job, "JobRunIds": [family.run_id]})
            until(lambda: is_dead(lives.daemon), what="the daemon's death")
        lives.daemon.kill()
        script = namespace.pid_outside(family.script_inside)
        kill(family.shim.pid)
        namespace.free(script)
        namespace.free(family.shim.pid)
        with namespace.stranger(family.shim_inside) as one, namespace.stranger(family.script_inside) as other:
            lives.revive()
            state, words = ("STOPPED", "Job run stopped by request; ") if is_stopping else ("FAILED", "")
            family.check_ended(state, words + _DIED)
            assert processes.is_alive(one.pid)
            assert processes.is_alive(other.pid)


def test_a_stranger_with_the_pid_of_a_script_that_has_ended_outlives_the_rest_of_its_run(
    tmp_path: Path, namespace: PidNamespace
) -> None:
    """The script has ended and is reaped; what it left ignores SIGTERM, so the shim climbs its ladder up to the end."""
    with _lives(tmp_path, namespace, stop_grace_s=12) as lives:
        family = _Family(lives, namespace, _LEAVES_A_CHILD)
        until(lambda: not namespace.has(family.script_inside), what="the end of the script")
        with namespace.stranger(family.script_inside) as stranger:
            assert processes.is_alive(family.child.pid), "the run is not over when the stranger comes"
            family.check_ended("SUCCEEDED", None)
            assert processes.is_alive(stranger.pid)


def test_zombies_that_nobody_reaps_are_taken_for_dead(tmp_path: Path, namespace: PidNamespace) -> None:
    with _lives(tmp_path, namespace) as lives:
        family = _Family(lives, namespace)
        lives.daemon.kill()
        until(lambda: family.shim.ppid() == namespace.first, what="the end of the spawn server, which would reap it")
        script = psutil.Process(namespace.pid_outside(family.script_inside))
        kill(family.shim.pid)
        until(lambda: not processes.is_alive(script.pid), what="the end of the script with its shim")
        lives.revive()
        family.check_ended("FAILED", _DIED)
        assert [one.status() for one in (family.shim, script, family.child)] == [psutil.STATUS_ZOMBIE] * 3

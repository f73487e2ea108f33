"""Who is slow is overtaken, and does no harm when it goes on: a claim that is taken is taken.

A shim is frozen at one of its steps; meanwhile others start, stop and end the run; then the frozen one goes on.
"""

import signal
from pathlib import Path

import psutil
import pytest

from tests.support.crashing import (
    Lives,
    check_nothing_left,
    check_truthful,
    is_dead,
    kill,
    left_of,
    shim_of,
)
from tests.support.waiting import until


def _frozen_shim(lives: Lives) -> psutil.Process:
    """Wait for the one shim that is frozen; return it."""

    def look() -> psutil.Process | None:
        return next((process for process in left_of(lives.daemon) if process.status() == psutil.STATUS_STOPPED), None)

    found = until(look, what="a frozen shim")
    assert found is not None
    return found


def _go_on(shim: psutil.Process) -> None:
    """Let a frozen shim go on, to its end."""
    kill(shim.pid, signal.SIGCONT)
    until(lambda: not shim.is_running() or shim.status() == psutil.STATUS_ZOMBIE, what="the end of the shim")


@pytest.mark.parametrize("point", ["shim.begun", "shim.reserved", "shim.claim_written"])
@pytest.mark.parametrize("is_amid", [True, False], ids=["amid_the_run", "after_its_end"])
def test_of_two_shims_of_one_run_one_starts_the_script(tmp_path: Path, point: str, *, is_amid: bool) -> None:
    """The daemon dies with a slow shim on its way, and the next one, which sees no claim, sends another."""
    go = tmp_path / "go"
    with Lives(tmp_path, ["spawn.spawned", f"{point}:stop"]) as lives:
        body = f"import time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
        job = lives.client.job("job", lives.markers.script(body))
        run_id = lives.client.start(job)
        slow = _frozen_shim(lives)
        until(lambda: is_dead(lives.daemon), what="the daemon's death")
        lives.revive()
        lives.markers.wait_for("start")
        if is_amid:
            _go_on(slow)
        go.touch()
        lives.wait_for_end(run_id)
        run = check_truthful(lives.daemon, run_id)
        if not is_amid:
            _go_on(slow)
        assert run["state"] == "SUCCEEDED"
        assert [one.phase for one in lives.markers.all()] == ["start", "end"]
        assert check_truthful(lives.daemon, run_id) == run
        check_nothing_left(lives.daemon, lives.markers)


@pytest.mark.parametrize("daemon_point", [None, "request_stop.committed", "settle_never_started.uncommitted"])
def test_a_stop_that_overtakes_the_launch_forbids_it(tmp_path: Path, daemon_point: str | None) -> None:
    with Lives(tmp_path, [daemon_point, "shim.claim_written:stop"]) as lives:
        job = lives.client.job("job", lives.markers.script())
        run_id = lives.client.start(job)
        slow = _frozen_shim(lives)
        lives.client.stop(job, run_id)
        lives.wait_for_end(run_id)
        assert check_truthful(lives.daemon, run_id)["state"] == "STOPPED"
        assert lives.deaths == (0 if daemon_point is None else 1)
        _go_on(slow)
        assert not lives.markers.all(), "what is STOPPED never starts"
        check_nothing_left(lives.daemon, lives.markers)


@pytest.mark.parametrize("point", ["shim.claimed", "shim.prepared", "shim.forked", "shim.announced"])
def test_a_stop_that_meets_a_claim_waits_for_its_shim(tmp_path: Path, point: str) -> None:
    with Lives(tmp_path, [f"{point}:stop"]) as lives:
        job = lives.client.job("job", lives.markers.script("import time; time.sleep(60)"))
        run_id = lives.client.start(job)
        slow = _frozen_shim(lives)
        assert lives.client.stop(job, run_id)
        assert lives.daemon.run(job, run_id)["JobRunState"] == "STOPPING"
        lives.daemon.kill()
        lives.revive()
        assert lives.daemon.run(job, run_id)["JobRunState"] == "STOPPING"
        _go_on(slow)
        lives.wait_for_end(run_id)
        assert check_truthful(lives.daemon, run_id)["state"] == "STOPPED"
        assert not lives.markers.all("end")
        check_nothing_left(lives.daemon, lives.markers)


def test_a_shim_that_does_nothing_for_long_is_not_taken_for_dead(tmp_path: Path) -> None:
    """No heartbeat, no clock: a machine that was asleep must not lose its runs."""
    go = tmp_path / "go"
    with Lives(tmp_path) as lives:
        body = f"import time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
        job = lives.client.job("job", lives.markers.script(body))
        run_id = lives.client.start(job)
        lives.markers.wait_for("start")
        shim = shim_of(lives.daemon, run_id)
        kill(shim.pid, signal.SIGSTOP)
        lives.daemon.kill()
        lives.revive()
        go.touch()
        lives.markers.wait_for("end")
        until(lambda: lives.daemon.run(job, run_id)["JobRunState"] == "RUNNING", what="the record of the launch")
        _go_on(shim)
        lives.wait_for_end(run_id)
        assert check_truthful(lives.daemon, run_id)["state"] == "SUCCEEDED"

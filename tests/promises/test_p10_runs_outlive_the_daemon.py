"""P10: runs outlive restarts, upgrades and crashes of the daemon."""

import shutil
import signal
from pathlib import Path

import pytest

from tests.support.crashing import Lives, check_ran_once, check_truthful
from tests.support.daemon import ROOT


@pytest.mark.parametrize("way", ["SIGTERM", "SIGINT", "SIGKILL"])
def test_a_run_goes_on_however_the_daemon_ends(lives: Lives, way: str) -> None:
    gate = lives.daemon.root / "gate"
    script = lives.markers.script(f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)")
    job = lives.client.job("job", script)
    run_id = lives.client.start(job)
    pid = lives.markers.wait_for("start", run_id=run_id)[0].pid
    lives.daemon.kill(signal.Signals[way])
    lives.daemon.start()
    assert lives.daemon.run(job, run_id)["JobRunState"] in {"STARTING", "RUNNING"}
    gate.touch()
    lives.wait_for_end(run_id)
    run = check_truthful(lives.daemon, run_id)
    check_ran_once(lives.markers, run)
    assert run["state"] == "SUCCEEDED"
    assert {one.pid for one in lives.markers.all(run_id=run_id)} == {pid}


def test_a_run_goes_on_over_an_upgrade(tmp_path: Path) -> None:
    """The next daemon is another copy of the program, and the files of the one before are gone."""
    old = tmp_path / "old"
    shutil.copytree(ROOT / "orchestrator", old / "orchestrator", ignore=shutil.ignore_patterns("*.pyc.*"))
    with Lives(tmp_path / "one", environment={"PYTHONPATH": str(old)}) as lives:
        gate = tmp_path / "gate"
        script = lives.markers.script(f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)")
        job = lives.client.job("job", script)
        run_id = lives.client.start(job)
        lives.markers.wait_for("start", run_id=run_id)
        assert lives.daemon.terminate() == 0
        shutil.rmtree(old)
        lives.daemon.environment["PYTHONPATH"] = str(ROOT)
        lives.daemon.start()
        gate.touch()
        lives.wait_for_end(run_id)
        assert check_truthful(lives.daemon, run_id)["state"] == "SUCCEEDED"

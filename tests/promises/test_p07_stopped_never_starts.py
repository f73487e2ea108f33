"""P7: a run that was STOPPED before it started never starts."""

from pathlib import Path

import pytest

from tests.support.crashing import Lives, check_truthful


def test_a_run_that_waits_and_is_stopped_never_starts(tmp_path: Path) -> None:
    with Lives(tmp_path, capacity__max_processes=1) as lives:
        gate = tmp_path / "gate"
        script = lives.markers.script(f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)")
        job = lives.client.job("job", script, ExecutionProperty={"MaxConcurrentRuns": 9})
        holder, waiting = lives.client.start(job), lives.client.start(job)
        lives.markers.wait_for("start", run_id=holder)
        assert lives.client.stop(job, waiting)
        lives.wait_for_end(waiting)
        lives.daemon.kill()
        lives.revive()
        gate.touch()
        lives.wait_for_end(holder)
        last = lives.client.start(job)  # what stood behind it in the line starts; it does not
        lives.wait_for_end(last)
        assert check_truthful(lives.daemon, waiting)["state"] == "STOPPED"
        assert lives.markers.all(run_id=waiting) == []


@pytest.mark.parametrize("point", ["spawn.prepared", "spawn.spawned", "request_stop.committed"])
def test_nor_does_one_whose_launch_was_cut_off(tmp_path: Path, point: str) -> None:
    """Its shim may have begun already: who takes the claim first decides, and the state is what happened."""
    with Lives(tmp_path, [point]) as lives:
        job = lives.client.job("job", lives.markers.script("time.sleep(1000)"))
        run_id = lives.client.start(job)
        lives.client.stop(job, run_id)
        lives.wait_for_end(run_id)
        run = check_truthful(lives.daemon, run_id)
        assert run["state"] == "STOPPED"
        if run["launched_on_ms"] is None:
            assert lives.markers.all(run_id=run_id) == []

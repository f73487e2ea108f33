"""P5: the real exit code where the shim lived, else an honest "unknown"; never SUCCEEDED by a guess."""

import pytest

from tests.support.crashing import Lives, check_truthful, kill, shim_of
from tests.support.waiting import until

GATED = "while not os.path.exists({gate!r}): time.sleep(0.01)\nnote('end')\nraise SystemExit({code})"


@pytest.mark.parametrize(("code", "state"), [(0, "SUCCEEDED"), (7, "FAILED")])
def test_a_script_that_ends_while_the_daemon_is_down_is_told_by_its_code(lives: Lives, code: int, state: str) -> None:
    gate = lives.daemon.root / "gate"
    job = lives.client.job("job", lives.markers.script(GATED.format(gate=str(gate), code=code)))
    run_id = lives.client.start(job)
    lives.markers.wait_for("start", run_id=run_id)
    shim = shim_of(lives.daemon, run_id)
    lives.daemon.kill()
    gate.touch()
    lives.markers.wait_for("end", run_id=run_id)
    until(lambda: not shim.is_running() or "ending.json" in names(lives, run_id), within_s=20, what="the ending")
    lives.revive()
    lives.wait_for_end(run_id)
    run = check_truthful(lives.daemon, run_id)
    assert (run["state"], run["exit_code"]) == (state, code)


def test_where_nobody_saw_the_end_none_is_claimed(lives: Lives) -> None:
    """Not even where the script had written down that it was done."""
    job = lives.client.job("job", lives.markers.script("note('done')\ntime.sleep(1000)"))
    run_id = lives.client.start(job)
    lives.markers.wait_for("done", run_id=run_id)
    kill(shim_of(lives.daemon, run_id).pid)
    lives.wait_for_end(run_id)
    run = check_truthful(lives.daemon, run_id)
    assert (run["state"], run["exit_code"]) == ("FAILED", None)
    assert "unknown" in run["error_message"]


def names(lives: Lives, run_id: str) -> set[str]:
    return {path.name for path in (lives.daemon.state_dir / "runs" / run_id[3:5] / run_id).iterdir()}

"""P11: no process is signalled that is not a run's own."""

import json
import subprocess
from collections.abc import Iterator

import psutil
import pytest

from tests.support.crashing import Lives, check_truthful, kill, run_directory, shim_of
from tests.support.waiting import until


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    """Lend a process of the same user that has nothing to do with anything."""
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_process_under_a_dead_shims_number_is_left_alone(
    lives: Lives, stranger: subprocess.Popen[bytes], *, is_stopped: bool
) -> None:
    """As if its pid had been given away while no daemon looked."""
    job = lives.client.job("job", lives.markers.script("time.sleep(1000)"))
    run_id = lives.client.start(job)
    lives.markers.wait_for("start", run_id=run_id)
    shim = shim_of(lives.daemon, run_id)
    claim = run_directory(lives.daemon, run_id) / "claim"
    lives.daemon.kill()
    kill(shim.pid)
    psutil.wait_procs([shim], timeout=10)
    claim.write_text(json.dumps({**json.loads(claim.read_text()), "pid": stranger.pid}))
    lives.revive()
    if is_stopped:
        lives.client.stop(job, run_id)
    lives.wait_for_end(run_id)
    assert check_truthful(lives.daemon, run_id)["state"] in {"FAILED", "STOPPED"}
    assert stranger.poll() is None


def test_a_process_that_only_looks_like_a_runs_is_left_alone(lives: Lives) -> None:
    """Its command line names a run; its environment does not."""
    job = lives.client.job("job", lives.markers.script("time.sleep(1000)"))
    run_id = lives.client.start(job)
    lives.markers.wait_for("start", run_id=run_id)
    with subprocess.Popen(["sh", "-c", f"sleep 1000; : {run_id}"], start_new_session=True) as lookalike:
        until(lambda: psutil.Process(lookalike.pid).children(), what="its child")
        kill(shim_of(lives.daemon, run_id).pid)
        lives.wait_for_end(run_id)
        is_alive = lookalike.poll() is None
        psutil.Process(lookalike.pid).children()[0].kill()
        lookalike.kill()
    assert is_alive

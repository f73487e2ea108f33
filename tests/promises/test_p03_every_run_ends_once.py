"""P3: every acknowledged run comes to an end, and an end is final."""

import shutil

from tests.support.crashing import Lives, check_truthful, kill, run_directory, shim_of, with_history


def test_an_end_is_final_even_where_the_shims_word_comes_again(lives: Lives) -> None:
    job = lives.client.job("job", lives.markers.script())
    run_id = lives.client.start(job)
    lives.wait_for_end(run_id)
    before = with_history(lives.daemon, run_id)
    other = lives.client.start(lives.client.job("fails", "raise SystemExit(3)"))
    lives.wait_for_end(other)
    lives.daemon.kill()
    shutil.copy(run_directory(lives.daemon, other) / "ending.json", run_directory(lives.daemon, run_id) / "ending.json")
    lives.revive()
    assert not lives.client.stop(job, run_id)
    assert with_history(lives.daemon, run_id) == before


def test_runs_end_whatever_was_killed_meanwhile(lives: Lives) -> None:
    """The daemon, a shim, a script, and all of them: nothing waits for ever."""
    gate = lives.daemon.root / "gate"
    script = lives.markers.script(f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)")
    job = lives.client.job("job", script, ExecutionProperty={"MaxConcurrentRuns": 99})
    run_ids = [lives.client.start(job) for _ in range(4)]
    pids = [lives.markers.wait_for("start", run_id=run_id)[0].pid for run_id in run_ids]
    kill(shim_of(lives.daemon, run_ids[0]).pid)
    kill(pids[1])
    stranded = shim_of(lives.daemon, run_ids[2])
    lives.daemon.kill()
    kill(stranded.pid)
    lives.revive()
    gate.touch()
    for run_id in run_ids:
        lives.wait_for_end(run_id)
        check_truthful(lives.daemon, run_id)
    states = [with_history(lives.daemon, run_id)[0]["state"] for run_id in run_ids]
    assert states == ["FAILED", "FAILED", "FAILED", "SUCCEEDED"]

"""P8: a bookmark moves exactly if its run SUCCEEDED, in the same instant."""

from pathlib import Path

import pytest

from tests.support.crashing import Lives, bookmark, is_dead, kill, shim_of
from tests.support.waiting import until

ENABLED = {"DefaultArguments": {"--job-bookmark-option": "job-bookmark-enable"}}
WRITE = "open(os.environ['ORCH_BOOKMARK_FILE'], 'w').write(os.environ['ORCH_JOB_RUN_ID'])\nnote('written')\n"


@pytest.mark.parametrize(
    ("way", "last", "moves"),
    [
        ("success", "", True),
        ("failure", "raise SystemExit(1)", False),
        ("stop", "time.sleep(1000)", False),
        ("lost shim", "time.sleep(1000)", False),
    ],
)
def test_it_moves_only_with_success(lives: Lives, way: str, last: str, *, moves: bool) -> None:
    job = lives.client.job("job", lives.markers.script(WRITE + last), **ENABLED)
    run_id = lives.client.start(job)
    lives.markers.wait_for("written", run_id=run_id)
    if way == "stop":
        lives.client.stop(job, run_id)
    elif way == "lost shim":
        kill(shim_of(lives.daemon, run_id).pid)
    lives.wait_for_end(run_id)
    entry = bookmark(lives.client, job)
    assert (entry is not None and entry["JobBookmark"] == run_id) is moves


@pytest.mark.parametrize("phase", ["begun", "uncommitted", "committed"])
def test_a_crash_at_the_end_leaves_both_or_neither(tmp_path: Path, phase: str) -> None:
    with Lives(tmp_path, [f"settle_ended.{phase}"]) as lives:
        job = lives.client.job("job", lives.markers.script(WRITE), **ENABLED)
        run_id = lives.client.start(job)
        lives.wait_for_end(run_id)
        until(lambda: lives.deaths or is_dead(lives.daemon), what="the daemon's death, which is seen after the end")
        lives.revive()
        assert lives.deaths == 1
        entry = bookmark(lives.client, job)
        assert entry is not None
        assert (entry["JobBookmark"], entry["Version"]) == (run_id, 1)


def test_of_two_runs_at_once_one_moves_it_and_the_other_fails(lives: Lives) -> None:
    gate = lives.daemon.root / "gate"
    script = lives.markers.script(f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n{WRITE}")
    job = lives.client.job("job", script, **ENABLED, ExecutionProperty={"MaxConcurrentRuns": 2})
    run_ids = [lives.client.start(job) for _ in range(2)]
    for run_id in run_ids:
        lives.markers.wait_for("start", run_id=run_id)
    gate.touch()
    for run_id in run_ids:
        lives.wait_for_end(run_id)
    runs = {run_id: lives.daemon.run(job, run_id) for run_id in run_ids}
    winners = [run_id for run_id, run in runs.items() if run["JobRunState"] == "SUCCEEDED"]
    entry = bookmark(lives.client, job)
    assert entry is not None
    assert ([entry["JobBookmark"]], entry["Version"]) == (winners, 1)

"""P2: at most one process per attempt, ever, however often launches are begun anew."""

from pathlib import Path

import pytest

from tests.support.crashing import Lives, check_ran_once, check_truthful
from tests.support.waiting import until


@pytest.mark.timeout(180)
def test_launches_that_are_cut_off_and_repeated_start_one_process(lives: Lives) -> None:
    job = lives.client.job("job", lives.markers.script("time.sleep(0.05)"), ExecutionProperty={"MaxConcurrentRuns": 99})
    run_ids: list[str] = []
    for _ in range(6):
        started = len(lives.markers.all("start"))
        run_ids += [lives.client.start(job) for _ in range(5)]
        until(lambda at=started: len(lives.markers.all("start")) > at, within_s=20, what="a start")  # type: ignore[misc]
        lives.daemon.kill()  # while some are being launched
        lives.revive()
    for run_id in run_ids:
        lives.wait_for_end(run_id)
        check_ran_once(lives.markers, check_truthful(lives.daemon, run_id))
    assert len(lives.markers.all("start")) == len(run_ids)


@pytest.mark.parametrize("point", ["spawn.spawned", "shim.claimed", "shim.forked", "shim.started"])
def test_nor_does_a_kill_at_the_worst_moment(tmp_path: Path, point: str) -> None:
    """All of these end the daemon or the shim while nobody can know yet whether the script runs."""
    with Lives(tmp_path, [point]) as lives:
        run_id = lives.client.start(lives.client.job("job", lives.markers.script()))
        lives.wait_for_end(run_id)
        assert point in lives.reached()
        check_ran_once(lives.markers, check_truthful(lives.daemon, run_id))

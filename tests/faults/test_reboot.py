"""A restart of the host ends the runs that were active, says so, and starts none of them again but by its job's retries."""

import json
from pathlib import Path

import pytest

from tests.support import runs
from tests.support.crashing import Lives, alive_of, check_nothing_left, check_truthful, kill, run_directory
from tests.support.waiting import until


@pytest.mark.parametrize("max_retries", [pytest.param(0, marks=pytest.mark.crash_full), 1])
def test_a_run_from_before_a_restart_of_the_host_is_retried_as_its_job_says_and_not_otherwise(
    tmp_path: Path, max_retries: int
) -> None:
    flag = tmp_path / "come again"
    body = f"import time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.01)"
    with Lives(tmp_path, capacity__dpus=100, retries__first_delay_s=1) as lives:
        job = lives.client.job("job", lives.markers.script(body), MaxRetries=max_retries)
        run_id = lives.client.start(job)
        lives.markers.wait_for("start", run_id=run_id)
        runs.in_state(lives.daemon, job, run_id, "RUNNING")
        queued = lives.client.start(lives.client.job("later", lives.markers.script(), AllocatedCapacity=100))
        lives.daemon.kill()
        for marker in lives.markers.all("start"):
            kill(marker.pid)
        lives.daemon.end_runs()
        until(lambda: not alive_of(lives.markers), what="the end of everything")
        claim = run_directory(lives.daemon, run_id) / "claim"
        (run_directory(lives.daemon, run_id) / "ending.json").unlink(missing_ok=True)  # the shim may have seen the kill
        claim.write_text(json.dumps({**json.loads(claim.read_text()), "boot_id": "another"}))
        flag.touch()

        lives.daemon.start()
        lives.wait_for_end(run_id)
        run = check_truthful(lives.daemon, run_id)
        assert (run["state"], "the host was restarted" in run["error_message"]) == ("FAILED", True), run
        lives.wait_for_end(queued)
        assert check_truthful(lives.daemon, queued)["state"] == "SUCCEEDED", "what had not started starts now"
        if max_retries:
            until(lambda: len(attempts(lives, job)) == 2, what="the retry")
        again = [one for one in attempts(lives, job) if one != run_id]
        for attempt in again:
            lives.wait_for_end(attempt)
            assert check_truthful(lives.daemon, attempt)["state"] == "SUCCEEDED"
        assert len(lives.markers.all("start", run_id=run_id)) == 1
        assert run["retry_due_ms"] is None if not max_retries else len(again) == 1
        check_nothing_left(lives.daemon, lives.markers)


def attempts(lives: Lives, job: str) -> list[str]:
    """Return the ids of a job's runs, the newest first."""
    return [run["Id"] for run in lives.daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]]

"""A disk that takes 300 ms for each flush holds up those who wait for a commit, and nobody else."""

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.support.crashing import Lives, check_ran_once, check_truthful
from tests.support.strace import injected

_FLUSH_S: Final = 0.3
_LOOKS: Final = 25


@pytest.mark.parametrize("quick_commit_ms", [2])
def test_who_waits_for_no_commit_is_answered_at_once_while_others_wait_for_the_disk(
    tmp_path: Path, quick_commit_ms: float
) -> None:
    with (
        Lives(tmp_path, quick_commit_ms=quick_commit_ms, capacity__max_processes=4) as lives,
        ThreadPoolExecutor() as threads,
    ):
        daemon = lives.daemon
        job = lives.client.job("job", lives.markers.script(), ExecutionProperty={"MaxConcurrentRuns": 200})
        run_ids = [lives.client.start(job)]
        lives.wait_for_end(run_ids[0])
        over = threading.Event()

        def submit() -> list[float]:
            spent = []
            while not over.is_set():
                began = time.monotonic()
                run_ids.append(lives.client.start(job))
                spent.append(time.monotonic() - began)
            return spent

        delay = f"fdatasync:delay_enter={round(_FLUSH_S * 1e6)}"
        with injected(daemon.pid, delay, log=tmp_path / "strace"):
            writers = [threads.submit(submit) for _ in range(3)]
            lives.client.start(job)  # the first slow commit has been seen
            looks = []
            for _ in range(_LOOKS):
                began = time.monotonic()
                assert daemon.run(job, run_ids[0])["JobRunState"] == "SUCCEEDED"
                looks.append(time.monotonic() - began)
                time.sleep(0.02)  # they are spread over several commits
            over.set()
            waits = [spent for writer in writers for spent in writer.result(timeout=30)]
        assert min(waits) >= _FLUSH_S, "nobody is answered before the disk has"
        assert statistics.median(looks) < _FLUSH_S / 3, looks
        for run_id in run_ids:
            lives.wait_for_end(run_id)
            run = check_truthful(daemon, run_id)
            assert run["state"] == "SUCCEEDED"
            check_ran_once(lives.markers, run)

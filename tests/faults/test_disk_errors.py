"""What the disk says it could not do is never taken for done.

Where a flush or a write of the database fails, nobody knows what is on disk, and a second flush would not tell: the daemon
answers no such call with success, ends at once with 74, and a restart reads what is true. Where those of a shim fail, its
script does not start, or the ending is written again.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from orchestrator.model.states import JobRunState
from tests.support import runs
from tests.support.crashing import Lives, alive_of, check_nothing_left, check_ran_once, check_truthful, commits_by
from tests.support.strace import injected

EX_IOERR: Final = 74
EX_CONFIG: Final = 78
_BOOKMARK: Final = {"--job-bookmark-option": "job-bookmark-enable"}
_RETRIES: Final = {"mode": "standard", "max_attempts": 20}


@pytest.mark.parametrize(
    ("call", "quick_commit_ms"),
    [
        pytest.param("fdatasync", 100, id="a flush in the loop"),
        pytest.param("fdatasync", 0, id="a flush on a thread", marks=pytest.mark.crash_full),
        pytest.param("pwrite64", 100, id="a write in the loop", marks=pytest.mark.crash_full),
        pytest.param("pwrite64", 0, id="a write on a thread"),
    ],
)
def test_a_daemon_whose_disk_fails_acknowledges_nothing_more_and_ends_and_the_next_knows_what_is_true(
    tmp_path: Path, call: str, quick_commit_ms: float
) -> None:
    gate = tmp_path / "gate"
    body = f"import time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)"
    with Lives(tmp_path, quick_commit_ms=quick_commit_ms) as lives, ThreadPoolExecutor() as threads:
        daemon = lives.daemon
        job = lives.client.job("job", lives.markers.script(body), ExecutionProperty={"MaxConcurrentRuns": 9})
        before = lives.client.start(job)
        lives.markers.wait_for("start", run_id=before)
        runs.in_state(daemon, job, before, "RUNNING")
        glue = daemon.client(retries=_RETRIES, read_timeout=10)
        log = daemon.state_dir / "state.db-wal"
        with injected(daemon.pid, f"{call}:error=EIO:when=1+", path=log, log=tmp_path / "strace"):
            answer = threads.submit(glue.start_job_run, JobName=job)  # it sends its call again until somebody takes it
            began = time.monotonic()
            assert daemon.wait_until_dead() == EX_IOERR
            assert time.monotonic() - began < 10
        assert "EIO" in (tmp_path / "strace").read_text()
        assert not answer.done()
        assert "store_broken" in daemon.log()
        assert len(alive_of(lives.markers)) == 1
        daemon.start()
        run_id = answer.result(timeout=30)["JobRunId"]
        gate.touch()
        listed = [run["Id"] for run in daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]]
        assert sorted(listed) == sorted([before, run_id]), "one call is one run, stored by whichever attempt"
        for one in listed:
            lives.wait_for_end(one)
            run = check_truthful(daemon, one)
            assert run["state"] == JobRunState.SUCCEEDED
            check_ran_once(lives.markers, run)
        check_nothing_left(daemon, lives.markers)


def test_what_the_disk_cannot_read_is_damage_and_ends_the_daemon_too(tmp_path: Path) -> None:
    with Lives(tmp_path, quick_commit_ms=0) as lives:
        daemon = lives.daemon
        job = lives.client.job("job", lives.markers.script())
        run_id = lives.client.start(job)
        lives.wait_for_end(run_id)
        daemon.terminate()
        daemon.start()  # with little of the database in its memory
        with injected(daemon.pid, "pread64:error=EIO:when=1+", log=tmp_path / "strace"):
            assert daemon.call("GetTrigger", {"Name": "none"})["__type"] == "InternalServiceException"
            assert daemon.wait_until_dead() == EX_CONFIG
        assert "restore a backup with `orchestrator restore FILE`" in daemon.log()
        daemon.start()
        assert daemon.run(job, run_id)["JobRunState"] == "SUCCEEDED"


_FLUSHES: Final = ("the claim", "its directory", "its shard", "the ending", "the ending's directory")
"""The flushes of a shim, in order."""


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, id=name, marks=() if name in ("its shard", "the ending") else pytest.mark.crash_full)
        for number, name in enumerate(_FLUSHES, start=1)
    ],
)
def test_a_shim_whose_flush_fails_starts_nothing_or_writes_its_ending_again(tmp_path: Path, number: int) -> None:
    with Lives(tmp_path, quick_commit_ms=commits_by(number)) as lives:
        job = lives.client.job("job", lives.markers.script(moves_bookmark=True), DefaultArguments=_BOOKMARK)
        (server,) = [one for one in psutil.Process(lives.daemon.pid).children() if "spawn_server" in str(one.cmdline())]
        with injected(server.pid, f"fsync:error=EIO:when={number}", log=tmp_path / "strace"):
            run_id = lives.client.start(job)
            lives.wait_for_end(run_id)
        assert (tmp_path / "strace").read_text().count("EIO") >= 1
        run = check_truthful(lives.daemon, run_id)
        is_started = number > _FLUSHES.index("its shard") + 1
        assert (run["state"] == "SUCCEEDED") == is_started, run
        reason = "Input/output error" if number == 1 else "its shim died"  # whose claim is there, and nobody's any more
        assert is_started or reason in run["error_message"], run
        check_ran_once(lives.markers, run)
        assert len(lives.markers.all("start", run_id=run_id)) == int(is_started)
        entry: dict[str, Any] = lives.client.call("GetJobBookmark", JobName=job)
        assert ("JobBookmarkEntry" in entry) == is_started
        check_nothing_left(lives.daemon, lives.markers)

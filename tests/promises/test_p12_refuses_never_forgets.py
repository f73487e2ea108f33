"""P12: a full disk or a damaged database is refused, and nothing is forgotten."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crashing import Lives
from tests.support.waiting import until


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Lend a file system of 24 MiB."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    path = tmp_path / "disk"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)


def fill(path: Path) -> None:
    with path.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while ballast.write(bytes(65536)):
            pass


def test_a_full_disk_is_told_and_what_was_acknowledged_stays(tmp_path: Path, small_disk: Path) -> None:
    stopped = Lives(tmp_path)
    stopped.daemon.state_dir = small_disk / "state"
    with stopped as lives:
        job = lives.client.job("job", lives.markers.script(), ExecutionProperty={"MaxConcurrentRuns": 999})
        before = lives.client.start(job)
        lives.wait_for_end(before)
        fill(small_disk / "ballast")
        refused = [
            lives.daemon.call("StartJobRun", {"JobName": job, "Arguments": {"--x": "y" * 9000}}) for _ in range(9)
        ]
        acknowledged = [one["JobRunId"] for one in refused if "JobRunId" in one]
        assert {one["__type"] for one in refused if "__type" in one} == {"InternalServiceException"}
        (small_disk / "ballast").unlink()
        after = lives.client.start(job)
        for run_id in [before, *acknowledged, after]:
            lives.wait_for_end(run_id)
        known = {run["Id"] for run in lives.daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]}
        assert known == {before, *acknowledged, after}


def test_a_damaged_database_is_not_begun_anew(lives: Lives) -> None:
    """The daemon says so and ends; its run lives on, and is known again when the database is back."""
    gate = lives.daemon.root / "gate"
    script = lives.markers.script(f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)")
    job = lives.client.job("job", script)
    run_id = lives.client.start(job)
    lives.markers.wait_for("start", run_id=run_id)
    assert lives.daemon.terminate() == 0
    database = lives.daemon.state_dir / "state.db"
    shutil.copy(database, lives.daemon.root / "good.db")
    for damage in (b"not a database" * 400, b""):
        database.write_bytes(damage)
        lives.daemon.start(wait=False)
        assert lives.daemon.wait_until_dead() == os.EX_CONFIG, lives.daemon.log()
        assert database.read_bytes() == damage
    database.unlink()
    lives.daemon.start(wait=False)
    assert lives.daemon.wait_until_dead() == os.EX_CONFIG
    assert not database.exists()
    shutil.copy(lives.daemon.root / "good.db", database)
    lives.daemon.start()
    gate.touch()
    until(lambda: "CompletedOn" in lives.daemon.run(job, run_id), within_s=30, what="the end of the run")
    assert lives.daemon.run(job, run_id)["JobRunState"] == "SUCCEEDED"

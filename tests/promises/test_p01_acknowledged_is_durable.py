"""P1: what was acknowledged is durable, whatever is killed and wherever the power goes."""

import shutil
import signal
import subprocess
import threading
import time
from functools import partial
from pathlib import Path

import pytest

from tests.support.crashing import Lives, PatientClient
from tests.support.waiting import until


def test_every_acknowledged_run_is_there_after_kill_9(lives: Lives) -> None:
    job = lives.client.job("job", lives.markers.script(), ExecutionProperty={"MaxConcurrentRuns": 1000})
    acknowledged: list[str] = []
    client = PatientClient(lives.daemon, partial(time.sleep, 0.02))  # another revives it

    def submit() -> None:
        acknowledged.extend(client.start(job) for _ in range(15))

    clients = [threading.Thread(target=submit) for _ in range(4)]
    for one in clients:
        one.start()
    for count in (10, 30):
        until(lambda at=count: len(acknowledged) >= at, within_s=30, what=f"{count} answers")  # type: ignore[misc]
        lives.daemon.kill()
        lives.revive()
    for one in clients:
        one.join(60)
    assert len(set(acknowledged)) == 60
    for run_id in acknowledged:
        assert lives.daemon.run(job, run_id)["Id"] == run_id


@pytest.mark.parametrize("quick_commit_ms", ["100", "0"])  # in the event loop, and on a thread
def test_no_answer_leaves_before_the_disk_has_the_run(tmp_path: Path, quick_commit_ms: str) -> None:
    """What a loss of power would take: the kernel is watched for what comes first, the flush or the answer."""
    if shutil.which("strace") is None:
        pytest.skip("strace is missing (make test-deps)")
    with Lives(tmp_path, quick_commit_ms=quick_commit_ms) as lives:
        job = lives.client.job("job", lives.markers.script())
        trace = tmp_path / "trace"
        calls = "trace=fdatasync,fsync,write,writev,sendto,sendmsg,pwrite64"
        command = ("strace", "-f", "-y", "-s", "4096", "-e", calls, "-o", str(trace), "-p", str(lives.daemon.pid))
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
            assert strace.stderr is not None
            assert "attached" in strace.stderr.readline()
            run_id = lives.client.start(job)
            strace.send_signal(signal.SIGINT)
            strace.stderr.read()
        lines = trace.read_text(errors="replace").splitlines()
    stored = next(number for number, line in enumerate(lines) if "pwrite64(" in line and "state.db-wal>" in line)
    answered = next(number for number, line in enumerate(lines) if run_id in line and "socket:" in line)
    flushed = [number for number, line in enumerate(lines) if "sync(" in line and "state.db-wal>" in line]
    assert any(stored < number < answered for number in flushed), lines[: answered + 1]

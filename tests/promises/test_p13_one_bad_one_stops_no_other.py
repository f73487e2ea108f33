"""P13: one bad run or request never stops the others."""

import os
import socket
from pathlib import Path

import pytest

from tests.support.crashing import Lives, run_directory


@pytest.mark.parametrize("kind", ["no JSON", "nothing", "a fifo", "a directory", "a link to itself"])
def test_a_spoilt_run_directory_stops_no_start_of_the_daemon(lives: Lives, kind: str) -> None:
    gate = lives.daemon.root / "gate"
    script = lives.markers.script(f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)")
    job = lives.client.job("job", script, ExecutionProperty={"MaxConcurrentRuns": 9})
    spoilt, other = lives.client.start(job), lives.client.start(job)
    for run_id in (spoilt, other):
        lives.markers.wait_for("start", run_id=run_id)
    lives.daemon.kill()
    spoil(run_directory(lives.daemon, spoilt) / "claim", kind)
    lives.revive()
    lives.wait_for_end(spoilt)
    gate.touch()
    for run_id in (other, lives.client.start(job)):
        lives.wait_for_end(run_id)
        assert lives.daemon.run(job, run_id)["JobRunState"] == "SUCCEEDED"
    assert lives.daemon.run(job, spoilt)["JobRunState"] == "FAILED"


def spoil(path: Path, kind: str) -> None:
    path.unlink()
    if kind == "a fifo":
        os.mkfifo(path)
    elif kind == "a directory":
        path.mkdir()
    elif kind == "a link to itself":
        path.symlink_to(path)
    else:
        path.write_text("{" if kind == "no JSON" else "", encoding="ascii")


RUBBISH = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Amz-Target: AWSGlue.StartJobRun\r\n"
    b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: 100000\r\n\r\n" + b"[" * 100000,
    b"GET /../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"\0" * 4096,
)


def test_rubbish_on_the_wire_stops_no_request(lives: Lives) -> None:
    job = lives.client.job("job", lives.markers.script(), ExecutionProperty={"MaxConcurrentRuns": 99})
    for rubbish in RUBBISH * 3:
        with socket.create_connection(("127.0.0.1", lives.daemon.port), timeout=20) as connection:
            connection.sendall(rubbish)
            lives.wait_for_end(lives.client.start(job))


def test_scripts_that_cannot_run_stop_no_other(lives: Lives, tmp_path: Path) -> None:
    (tmp_path / "not_executable.sh").write_text("exit 0\n")
    locations = ["/nowhere/at/all.py", str(tmp_path), str(tmp_path / "not_executable.sh"), "s3://no-such-bucket/x.py"]
    good = lives.client.job("good", lives.markers.script(), ExecutionProperty={"MaxConcurrentRuns": 99})
    for number, location in enumerate(locations):
        name = f"bad{number}"
        command = {"Name": "pythonshell", "ScriptLocation": location}
        assert lives.client.call("CreateJob", Name=name, Role="r", Command=command) == {"Name": name}
        bad, fine = lives.client.start(name), lives.client.start(good)
        for run_id in (bad, fine):
            lives.wait_for_end(run_id)
        assert lives.daemon.run(name, bad)["JobRunState"] == "FAILED"
        assert lives.daemon.run(good, fine)["JobRunState"] == "SUCCEEDED"

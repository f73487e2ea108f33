"""A stop leaves nothing behind, whatever the script does to outlive it, and however many are stopped at once."""

from pathlib import Path
from typing import Final

import pytest

from tests.support.crashing import Lives, alive_of, check_nothing_left, check_truthful
from tests.support.waiting import until

_RUNS: Final = 20
_EVIL: Final = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
CHILD = (
    "import os, signal, sys, time\\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\\n"
    "os.write(int(sys.argv[1]), str(os.getpid()).encode())\\n"
    "os.close(int(sys.argv[1]))\\n"
    "time.sleep(120)\\n"
)
def leave(how):
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            for fd in (0, 1, 2):
                os.dup2(os.open("/dev/null", os.O_RDWR), fd)
            os.set_inheritable(writing, True)
            os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", CHILD, str(writing)], {})
        os._exit(0)
    os.wait()
    os.close(writing)
    note(how, "pid=" + os.read(reading, 20).decode())  # it ignores SIGTERM when it says this
    os.close(reading)
leave("grandchild")
leave("grandchild")
note("ready")
"""


@pytest.mark.timeout(120)
@pytest.mark.parametrize("is_daemon_killed", [False, True], ids=["alone", "with_the_daemon"])
def test_a_storm_of_stops_leaves_nothing_alive(tmp_path: Path, *, is_daemon_killed: bool) -> None:
    with Lives(tmp_path, runs__stop_grace_s=0.5) as lives:
        markers = lives.markers
        job = lives.client.job(
            "evil", markers.script(_EVIL + "time.sleep(120)"), ExecutionProperty={"MaxConcurrentRuns": _RUNS}
        )
        run_ids = [lives.client.start(job) for _ in range(_RUNS)]
        markers.wait_for("ready", count=_RUNS, within_s=60)
        assert len(alive_of(markers)) == 3 * _RUNS

        answer = lives.client.call("BatchStopJobRun", JobName=job, JobRunIds=run_ids)
        assert [one["JobRunId"] for one in answer["SuccessfulSubmissions"]] == run_ids
        if is_daemon_killed:
            lives.daemon.kill()  # it may have told some of the shims: they go on with it alone
            lives.revive()
        for run_id in run_ids:
            lives.wait_for_end(run_id)
            assert check_truthful(lives.daemon, run_id)["state"] == "STOPPED"
            run = {one.run_id: one for one in markers.all("start")}[run_id]
            assert run.pid not in alive_of(markers)
        assert not alive_of(markers), "when the last run is STOPPED, no process of any is alive"
        check_nothing_left(lives.daemon, markers)
        assert not markers.all("end")


def test_a_script_that_ends_leaves_no_grandchild(tmp_path: Path) -> None:
    with Lives(tmp_path, runs__stop_grace_s=0.5) as lives:
        markers = lives.markers
        job = lives.client.job("evil", markers.script(_EVIL))
        run_id = lives.client.start(job)
        lives.wait_for_end(run_id)
        assert check_truthful(lives.daemon, run_id)["state"] == "SUCCEEDED"
        assert len(markers.all("grandchild")) == 2
        assert not alive_of(markers)


def test_a_grandchild_keeps_living_with_its_script(tmp_path: Path) -> None:
    """What is killed at the end is not killed before it."""
    go = tmp_path / "go"
    body = f"{_EVIL}\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)"
    with Lives(tmp_path, runs__stop_grace_s=0.5) as lives:
        markers = lives.markers
        job = lives.client.job("evil", markers.script(body))
        run_id = lives.client.start(job)
        markers.wait_for("ready")
        lives.daemon.kill()
        lives.revive()
        until(lambda: lives.daemon.run(job, run_id)["JobRunState"] == "RUNNING", what="a run that is RUNNING")
        assert len(alive_of(markers)) == 3
        go.touch()
        lives.wait_for_end(run_id)
        assert not alive_of(markers)

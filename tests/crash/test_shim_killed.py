"""A run whose shim or script is killed ends with an honest reason, frees its slot and leaves nothing behind.

Nobody can know how a script ended whose shim was killed: such a run is FAILED, never taken for a success, never rerun.
"""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.crashing import (
    Lives,
    Markers,
    alive_of,
    check_nothing_left,
    check_ran_once,
    check_truthful,
    kill,
    run_directory,
    shim_of,
)
from tests.support.waiting import until

_FAMILY: Final = """
import subprocess, time
child = subprocess.Popen(["sleep", "60"], start_new_session=True)
note("child", f"pid={child.pid}")
time.sleep(60)
"""


@pytest.fixture
def markers(lives: Lives) -> Markers:
    return lives.markers


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    """Lend a daemon with slots for one run at a time."""
    with Lives(tmp_path, capacity__dpus=10) as lives:
        yield lives


def _running_family(lives: Lives, markers: Markers) -> tuple[str, str]:
    job = lives.client.job("family", markers.script(_FAMILY), ExecutionProperty={"MaxConcurrentRuns": 5})
    run_id = lives.client.start(job)
    markers.wait_for("child", run_id=run_id)
    until(lambda: lives.daemon.run(job, run_id)["JobRunState"] == "RUNNING", what="a run that is RUNNING")
    return job, run_id


def _check_failed(lives: Lives, markers: Markers, run_id: str, message: str) -> None:
    """Hold that a run FAILED with this message, left nothing, and that the next one gets its slot."""
    lives.wait_for_end(run_id)
    run = check_truthful(lives.daemon, run_id)
    assert run["state"] == "FAILED"
    assert message in run["error_message"]
    check_ran_once(markers, run)
    check_nothing_left(lives.daemon, markers)
    job = lives.client.job("next", markers.script())
    following = lives.client.start(job)
    assert lives.daemon.ended(job, following)["JobRunState"] == "SUCCEEDED"


def test_a_killed_shim_takes_its_script_with_it_and_the_rest_is_swept(lives: Lives, markers: Markers) -> None:
    _, run_id = _running_family(lives, markers)
    script = markers.all("start")[0].pid
    shim = shim_of(lives.daemon, run_id)
    kill(lives.daemon.pid, signal.SIGSTOP)  # it sweeps nobody meanwhile
    kill(shim.pid)
    until(lambda: script not in alive_of(markers), what="the death of the script with its shim")
    kill(lives.daemon.pid, signal.SIGCONT)
    _check_failed(lives, markers, run_id, "How the script ended is unknown: its shim died")


def test_a_shim_that_is_killed_while_the_daemon_is_down_is_found_dead(lives: Lives, markers: Markers) -> None:
    _, run_id = _running_family(lives, markers)
    lives.daemon.kill()
    shim = shim_of(lives.daemon, run_id)
    kill(shim.pid)
    script = markers.all("start")[0].pid
    until(lambda: script not in alive_of(markers), what="the death of the script with its shim")
    until(lambda: not shim.is_running(), what="the death of the shim")
    lives.revive()
    _check_failed(lives, markers, run_id, "How the script ended is unknown: its shim died")


def test_a_shim_that_is_killed_amid_its_stop_leaves_a_stopped_run(lives: Lives, markers: Markers) -> None:
    body = "import signal, time\nsignal.signal(signal.SIGTERM, lambda *_: note('term'))\nwhile True: time.sleep(60)"
    job = lives.client.job("deaf", markers.script("note('deaf')\n" + body))
    run_id = lives.client.start(job)
    markers.wait_for("deaf")
    until(lambda: lives.daemon.run(job, run_id)["JobRunState"] == "RUNNING", what="a run that is RUNNING")
    shim = shim_of(lives.daemon, run_id)
    assert lives.client.stop(job, run_id)
    kill(shim.pid)
    lives.wait_for_end(run_id)
    run = check_truthful(lives.daemon, run_id)
    assert run["state"] == "STOPPED"
    assert "How the script ended is unknown" in run["error_message"]
    check_nothing_left(lives.daemon, markers)


def test_a_killed_script_is_a_failure_that_names_the_signal(lives: Lives, markers: Markers) -> None:
    _, run_id = _running_family(lives, markers)
    kill(markers.all("start")[0].pid)
    _check_failed(lives, markers, run_id, "SIGKILL")
    assert check_truthful(lives.daemon, run_id)["exit_signal"] == signal.SIGKILL


def test_a_shim_that_somebody_else_terminates_ends_its_run_and_says_so(lives: Lives, markers: Markers) -> None:
    _, run_id = _running_family(lives, markers)
    kill(shim_of(lives.daemon, run_id).pid, signal.SIGTERM)
    _check_failed(lives, markers, run_id, "terminated from outside")


def test_a_run_from_before_a_restart_of_the_host_says_so(lives: Lives, markers: Markers) -> None:
    _, run_id = _running_family(lives, markers)
    lives.daemon.kill()
    shim = shim_of(lives.daemon, run_id)
    kill(shim.pid)
    until(lambda: not shim.is_running(), what="the death of the shim")
    claim = run_directory(lives.daemon, run_id) / "claim"
    claim.write_text(json.dumps({**json.loads(claim.read_text()), "boot_id": "another"}))
    lives.revive()
    _check_failed(lives, markers, run_id, "the host was restarted")


def test_a_reused_pid_in_a_claim_is_no_shim_and_is_not_touched(lives: Lives, markers: Markers) -> None:
    """The claim of a dead shim names a living stranger: here, the one who asks."""
    _, run_id = _running_family(lives, markers)
    lives.daemon.kill()
    shim = shim_of(lives.daemon, run_id)
    kill(shim.pid)
    until(lambda: not shim.is_running(), what="the death of the shim")
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        claim = run_directory(lives.daemon, run_id) / "claim"
        claim.write_text(json.dumps({**json.loads(claim.read_text()), "pid": stranger.pid}))
        lives.revive()
        _check_failed(lives, markers, run_id, "its shim died")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()

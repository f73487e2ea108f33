"""Runs outlive their daemon: the next one takes them up where they are, and learns how they really ended.

Start-up is recovery. What it finds in a run directory may be torn, foreign or gone: that is one run's trouble, and no
other's.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.crashing import (
    Lives,
    check_nothing_left,
    check_ran_once,
    check_truthful,
    is_dead,
    is_ended,
    kill,
    left_of,
    run_directory,
    shim_of,
)
from tests.support.daemon import ROOT
from tests.support.waiting import until

_MANY: Final = {"MaxConcurrentRuns": 100}
_KILLS: Final = [signal.SIGKILL, signal.SIGTERM]
_GARBAGE: Final = [b"", b"{", b"[]", b"\xff\xfe\x00", b'{"v": 1}', b'{"pid": "x", "by": 7}', b"[" * 100_000]


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    """Lend a daemon."""
    with Lives(tmp_path) as lives:
        yield lives


def _waiting_script(lives: Lives, go: Path, then: str = "") -> str:
    return lives.markers.script(f"import time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n{then}")


def _end_daemon(lives: Lives, number: int) -> None:
    """End the daemon; after a SIGTERM it must leave by itself with 0."""
    assert lives.daemon.kill(number) == (0 if number == signal.SIGTERM else -number)


def _start_again(lives: Lives) -> None:
    lives.daemon.start()


@pytest.mark.parametrize("number", _KILLS, ids=lambda number: number.name)
def test_a_script_that_ends_while_the_daemon_is_down_ends_with_its_real_code(
    lives: Lives, tmp_path: Path, number: int
) -> None:
    go = tmp_path / "go"
    job = lives.client.job("job", _waiting_script(lives, go, "sys.exit(7)"))
    run_id = lives.client.start(job)
    script = lives.markers.wait_for("start")[0].pid
    _end_daemon(lives, number)
    assert [process.pid for process in left_of(lives.daemon) if process.pid == script], "the run lives on"
    go.touch()
    until(lambda: not left_of(lives.daemon), what="the end of the run and its shim")
    _start_again(lives)
    lives.wait_for_end(run_id)
    run = check_truthful(lives.daemon, run_id)
    assert (run["state"], run["exit_code"]) == ("FAILED", 7)
    assert "exit code 7" in run["error_message"]


@pytest.mark.parametrize("number", _KILLS, ids=lambda number: number.name)
def test_a_run_is_adopted_and_its_real_end_is_recorded(lives: Lives, tmp_path: Path, number: int) -> None:
    go = tmp_path / "go"
    job = lives.client.job("job", _waiting_script(lives, go, "sys.exit(9)"))
    run_id = lives.client.start(job)
    lives.markers.wait_for("start")
    shim = shim_of(lives.daemon, run_id)
    _end_daemon(lives, number)
    _start_again(lives)
    until(lambda: lives.daemon.run(job, run_id)["JobRunState"] == "RUNNING", what="a run that is RUNNING")
    assert shim.is_running()
    go.touch()
    lives.wait_for_end(run_id)
    run = check_truthful(lives.daemon, run_id)
    assert (run["state"], run["exit_code"]) == ("FAILED", 9)
    check_ran_once(lives.markers, run)
    check_nothing_left(lives.daemon, lives.markers)


def test_an_adopted_run_can_be_stopped_and_frees_its_slot(tmp_path: Path) -> None:
    with Lives(tmp_path, capacity__dpus=10) as lives:
        job = lives.client.job("job", _waiting_script(lives, tmp_path / "never"), ExecutionProperty=_MANY)
        run_id = lives.client.start(job)
        lives.markers.wait_for("start")
        following = lives.client.start(job)
        lives.daemon.kill()
        lives.revive()
        assert "Waiting for 10 DPU" in lives.daemon.run(job, following)["StateDetail"]
        assert lives.client.stop(job, run_id)
        lives.wait_for_end(run_id)
        assert check_truthful(lives.daemon, run_id)["state"] == "STOPPED"
        lives.markers.wait_for("start", run_id=following)
        assert lives.client.stop(job, following)
        lives.wait_for_end(following)


def test_a_second_daemon_is_refused_and_told_who_holds_the_state(lives: Lives, tmp_path: Path) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "orchestrator", "serve", "--state-dir", str(lives.daemon.state_dir), "--port", "0"],
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert second.returncode == os.EX_TEMPFAIL
    assert f"process {lives.daemon.pid}" in second.stdout + second.stderr
    assert lives.daemon.is_serving()


def _torn(name: str, content: bytes) -> Callable[[Path], None]:
    def tear(directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        (directory / name).unlink(missing_ok=True)
        (directory / name).write_bytes(content)

    return tear


def _is_symlink_loop(directory: Path) -> None:
    (directory / "claim").unlink(missing_ok=True)
    (directory / "claim").symlink_to("claim")


def _is_directory(directory: Path) -> None:
    (directory / "claim").unlink(missing_ok=True)
    (directory / "claim").mkdir()


def _is_pipe(directory: Path) -> None:
    (directory / "claim").unlink(missing_ok=True)
    os.mkfifo(directory / "claim")


def _is_file(directory: Path) -> None:
    shutil.rmtree(directory)
    directory.write_bytes(b"")


_DAMAGES: Final = {
    **{f"claim_{number}": _torn("claim", content) for number, content in enumerate(_GARBAGE)},
    **{f"ending_{number}": _torn("ending.json", content) for number, content in enumerate(_GARBAGE)},
    "claim_symlink": _is_symlink_loop,
    "claim_directory": _is_directory,
    "claim_pipe": _is_pipe,
    "directory_is_a_file": _is_file,
}


def test_a_damaged_run_directory_is_that_runs_trouble_alone(tmp_path: Path) -> None:
    """All the damages at once, each with its own run, and one run that is well."""
    with Lives(tmp_path) as lives:
        job = lives.client.job("job", _waiting_script(lives, tmp_path / "go"), ExecutionProperty=_MANY)
        run_ids = {name: lives.client.start(job) for name in [*_DAMAGES, "well"]}
        lives.markers.wait_for("start", count=len(run_ids))
        lives.daemon.kill()
        shims = [shim_of(lives.daemon, run_ids[name]) for name in _DAMAGES]
        for shim in shims:
            kill(shim.pid)
        until(lambda: not any(shim.is_running() for shim in shims), what="the death of the shims")
        for name, damage in _DAMAGES.items():
            damage(run_directory(lives.daemon, run_ids[name]))

        lives.revive()
        following = lives.client.start(job)
        lives.markers.wait_for("start", run_id=following)
        (tmp_path / "go").touch()
        for run_id in (following, run_ids["well"]):
            lives.wait_for_end(run_id)
            assert check_truthful(lives.daemon, run_id)["state"] == "SUCCEEDED"
        for name in _DAMAGES:
            lives.wait_for_end(run_ids[name])
            run = check_truthful(lives.daemon, run_ids[name])
            assert (name, run["state"]) == (name, "FAILED")
            check_ran_once(lives.markers, run)
        check_nothing_left(lives.daemon, lives.markers)


def test_a_claim_that_is_foreign_before_the_launch_forbids_it(tmp_path: Path) -> None:
    """All of them at once, found by a daemon that starts; the queue behind them goes on."""
    damages = {name: damage for name, damage in _DAMAGES.items() if not name.startswith("ending")}
    with Lives(tmp_path, capacity__dpus=10) as lives:
        job = lives.client.job("job", _waiting_script(lives, tmp_path / "go"), ExecutionProperty=_MANY)
        gate = lives.client.start(job)
        lives.markers.wait_for("start", run_id=gate)
        run_ids = {name: lives.client.start(job) for name in [*damages, "well"]}
        lives.daemon.kill()
        for name, damage in damages.items():
            directory = run_directory(lives.daemon, run_ids[name])
            directory.mkdir(parents=True)
            damage(directory)
        lives.revive()
        for name in damages:
            lives.wait_for_end(run_ids[name])
            run = check_truthful(lives.daemon, run_ids[name])
            assert (name, run["state"]) == (name, "FAILED")
            assert not lives.markers.all(run_id=run_ids[name])
        (tmp_path / "go").touch()
        lives.wait_for_end(run_ids["well"])
        assert check_truthful(lives.daemon, run_ids["well"])["state"] == "SUCCEEDED"
        check_nothing_left(lives.daemon, lives.markers)


@pytest.mark.parametrize("content", [b"", b"\x00" * 200], ids=["empty", "zeros"])
def test_a_run_whose_claim_is_overwritten_under_its_live_shim_ends_and_leaves_nothing(
    lives: Lives, content: bytes
) -> None:
    job = lives.client.job("job", _waiting_script(lives, lives.daemon.root / "never"))
    run_id = lives.client.start(job)
    lives.markers.wait_for("start")
    lives.daemon.kill()
    (run_directory(lives.daemon, run_id) / "claim").write_bytes(content)
    lives.revive()
    lives.client.stop(job, run_id)
    lives.wait_for_end(run_id)
    assert check_truthful(lives.daemon, run_id)["state"] in {"FAILED", "STOPPED"}
    check_nothing_left(lives.daemon, lives.markers)


def test_a_spec_that_is_torn_before_the_launch_is_written_again(tmp_path: Path) -> None:
    with Lives(tmp_path, ["spawn.prepared"]) as lives:
        job = lives.client.job("job", lives.markers.script())
        run_id = lives.client.start(job)
        until(lambda: is_dead(lives.daemon), what="the daemon's death")
        _torn("spec.json", b'{"v": 1, "argv": [')(run_directory(lives.daemon, run_id))
        lives.revive()
        lives.wait_for_end(run_id)
        assert check_truthful(lives.daemon, run_id)["state"] == "SUCCEEDED"


@pytest.mark.parametrize("is_daemon_down", [False, True], ids=["daemon_up", "daemon_down"])
def test_a_run_whose_directory_is_removed_while_it_runs_fails_and_leaves_nothing(
    lives: Lives, tmp_path: Path, *, is_daemon_down: bool
) -> None:
    go = tmp_path / "go"
    job = lives.client.job("job", _waiting_script(lives, go), ExecutionProperty=_MANY)
    run_id = lives.client.start(job)
    lives.markers.wait_for("start")
    until(lambda: lives.daemon.run(job, run_id)["JobRunState"] == "RUNNING", what="a run that is RUNNING")
    if is_daemon_down:
        lives.daemon.kill()
    shutil.rmtree(run_directory(lives.daemon, run_id))
    if is_daemon_down:
        lives.revive()
    go.touch()
    lives.wait_for_end(run_id)
    run = check_truthful(lives.daemon, run_id)
    assert run["state"] == "FAILED"
    assert "its run directory is gone" in run["error_message"]
    check_ran_once(lives.markers, run)
    check_nothing_left(lives.daemon, lives.markers)
    following = lives.client.start(job)
    assert lives.daemon.ended(job, following)["JobRunState"] == "SUCCEEDED"


@pytest.mark.timeout(240)
def test_fifty_queued_runs_keep_their_order_over_two_restarts(tmp_path: Path) -> None:
    count = 50
    with Lives(tmp_path, capacity__dpus=10) as lives:
        job = lives.client.job("job", lives.markers.script(), ExecutionProperty=_MANY)
        gate = lives.client.job("gate", _waiting_script(lives, tmp_path / "go"), ExecutionProperty=_MANY)
        first = lives.client.start(gate)
        lives.markers.wait_for("start", run_id=first)
        run_ids = [lives.client.start(job, JobRunQueuingEnabled=number % 5 == 0) for number in range(count)]
        lives.daemon.kill()
        lives.revive()
        places = [lives.daemon.run(job, run_id)["StateDetail"].rpartition("place ")[2] for run_id in run_ids]
        assert [int(place.partition(" ")[0]) for place in places] == list(range(1, count + 1))

        (tmp_path / "go").touch()
        lives.markers.wait_for("start", count=count // 2, within_s=80)
        lives.daemon.kill()
        lives.revive()
        until(lambda: is_ended(lives.daemon, run_ids[-1]), within_s=80, what="the end of the last run")
        assert [one.run_id for one in lives.markers.all("start")] == [first, *run_ids]
        for run_id in run_ids:
            assert check_truthful(lives.daemon, run_id)["state"] == "SUCCEEDED"
        check_nothing_left(lives.daemon, lives.markers)


def test_why_a_run_cannot_start_is_known_after_a_kill_before_it_is_stored(tmp_path: Path) -> None:
    with Lives(tmp_path, ["settle_never_started.begun"]) as lives:
        command = {"Name": "pythonshell", "ScriptLocation": "s3://no-such-bucket/script.py"}
        assert lives.client.call("CreateJob", Name="job", Role="r", Command=command) == {"Name": "job"}
        run_id = lives.client.start("job")
        lives.wait_for_end(run_id)
        assert lives.deaths == 1
        assert "no directory is set for its bucket" in check_truthful(lives.daemon, run_id)["error_message"]


def test_a_lost_run_leaves_no_reserve_of_its_shim(lives: Lives) -> None:
    """Half a megabyte for the ending that will not come."""
    run_id = lives.client.start(lives.client.job("job", lives.markers.script("time.sleep(1000)")))
    lives.markers.wait_for("start", run_id=run_id)
    shim = shim_of(lives.daemon, run_id)
    kill(shim.pid)
    lives.wait_for_end(run_id)
    assert not (run_directory(lives.daemon, run_id) / f"ending.{shim.pid}").exists()

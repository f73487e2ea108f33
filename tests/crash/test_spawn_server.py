"""A spawn server or a template that is killed costs time and nothing else: it owns no run."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psutil
import pytest

from tests.support import processes
from tests.support.crashing import (
    Lives,
    alive_of,
    check_nothing_left,
    check_ran_once,
    check_truthful,
    is_ended,
    kill,
    run_directory,
    shim_of,
)
from tests.support.venvs import Venv
from tests.support.waiting import until

_MANY: Final = {"MaxConcurrentRuns": 64}
_BURST: Final = 20
_KILLS: Final = 40
_ORIGIN: Final = "note('origin', open(f'/proc/{os.getppid()}/stat').read().rpartition(')')[2].split()[1])\n"
_WAITS: Final = "import time\nwhile not os.path.exists({gate!r}): time.sleep(0.01)\n"
_FAMILY: Final = """
import multiprocessing, subprocess, time
forked = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
forked.start()
executed = subprocess.Popen(["sleep", "60"], start_new_session=True)
if os.fork() == 0:
    os.setsid()
    time.sleep(60)
    os._exit(0)
note("children", f"pid={forked.pid}", f"pid={executed.pid}")
time.sleep(60)
"""


@pytest.fixture
def lives(tmp_path: Path) -> Iterator[Lives]:
    """Lend a daemon that has a template for the runtime `warm`, ready."""
    with Lives(tmp_path, runtimes='{"warm": {}}', log_level="debug") as lives:
        until(lambda: "template_ready" in lives.daemon.log(), what="a template that is ready")
        yield lives


@pytest.fixture(params=[False, True], ids=["cold", "warm"])
def is_warm(request: pytest.FixtureRequest) -> bool:
    """Say whether runs are forked from the template."""
    return bool(request.param)


def servers(lives: Lives) -> dict[bool, psutil.Process]:
    """Return the live spawn servers: the template under True, the other one under False."""
    found = {}
    for process in psutil.Process(lives.daemon.pid).children():
        try:
            argv = process.cmdline()
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if any(word.endswith("spawn_server.py") for word in argv):
            found["--template" in argv] = process
    return found


def job_of(lives: Lives, body: str, *, is_warm: bool) -> str:
    """Create a job whose script notes whose child its shim is, and does `body`."""
    return lives.client.job(
        "warm" if is_warm else "cold",
        lives.markers.script(_ORIGIN + body),
        DefaultArguments={"--orchestrator-runtime": "warm"} if is_warm else {},
        ExecutionProperty=_MANY,
    )


def origin_of(lives: Lives, run_id: str) -> int:
    """Return the pid of what forked the run's shim."""
    (marker,) = lives.markers.wait_for("origin", run_id=run_id)
    return int(marker.more[0])


def check_succeeded(lives: Lives, run_id: str) -> None:
    run = check_truthful(lives.daemon, run_id)
    assert run["state"] == "SUCCEEDED", run
    check_ran_once(lives.markers, run)


def test_the_next_run_starts_where_an_idle_server_was_killed(lives: Lives, *, is_warm: bool) -> None:
    job = job_of(lives, "", is_warm=is_warm)
    before = servers(lives)[is_warm]
    kill(before.pid)
    until(lambda: not processes.is_alive(before.pid), what="the death of the server")
    run_id = lives.client.start(job)
    lives.wait_for_end(run_id)
    check_succeeded(lives, run_id)

    def is_served_again() -> bool:
        again = lives.client.start(job)
        lives.wait_for_end(again)
        check_succeeded(lives, again)
        server = servers(lives).get(is_warm)
        return server is not None and server.pid == origin_of(lives, again) != before.pid

    until(is_served_again, what="a run that another server has forked")
    check_nothing_left(lives.daemon, lives.markers)


def test_runs_live_on_and_end_truthfully_where_their_server_is_killed(
    lives: Lives, tmp_path: Path, *, is_warm: bool
) -> None:
    gate = tmp_path / "gate"
    job = job_of(lives, _WAITS.format(gate=str(gate)), is_warm=is_warm)
    run_ids = [lives.client.start(job) for _ in range(4)]
    server = servers(lives)[is_warm]
    assert [origin_of(lives, run_id) for run_id in run_ids] == [server.pid] * 4
    kill(server.pid)
    until(lambda: not processes.is_alive(server.pid), what="the death of the server")
    scripts = lives.markers.pids()
    kill(shim_of(lives.daemon, run_ids[3]).pid)  # the ending of one is seen although nobody forks any more
    lives.wait_for_end(run_ids[3])
    assert "its shim died" in check_truthful(lives.daemon, run_ids[3])["error_message"]
    assert len(scripts & alive_of(lives.markers)) == 3
    assert lives.client.stop(job, run_ids[2])
    gate.touch()
    for run_id in run_ids[:2]:
        lives.wait_for_end(run_id)
        check_succeeded(lives, run_id)
    lives.wait_for_end(run_ids[2])
    assert check_truthful(lives.daemon, run_ids[2])["state"] in ("STOPPED", "SUCCEEDED")
    check_nothing_left(lives.daemon, lives.markers)


def test_a_burst_of_launches_loses_and_doubles_none_while_servers_are_killed(lives: Lives, *, is_warm: bool) -> None:
    job = job_of(lives, "", is_warm=is_warm)
    run_ids = []
    killed: set[int] = set()
    for _ in range(_BURST):
        run_ids.append(lives.client.start(job))
        killed |= _kill_servers(lives, killed)

    def are_ended() -> bool:
        killed.update(_kill_servers(lives, killed))
        return all(is_ended(lives.daemon, run_id) for run_id in run_ids)

    until(are_ended, within_s=40, what="the end of every run")
    assert len(killed) >= 2
    for run_id in run_ids:
        check_succeeded(lives, run_id)
    assert len(lives.markers.all("start")) == len(lives.markers.all("end")) == _BURST
    assert not alive_of(lives.markers)


def test_requests_that_die_with_their_server_are_made_again(lives: Lives, tmp_path: Path, *, is_warm: bool) -> None:
    job = job_of(lives, "", is_warm=is_warm)
    server = servers(lives)[is_warm]
    server.suspend()
    run_ids = [lives.client.start(job) for _ in range(5)]
    asked = tmp_path / "reached"
    until(lambda: asked.exists() and asked.read_text().count("spawn.spawned") == 5, what="five requests")
    assert lives.markers.all() == []
    server.kill()
    for run_id in run_ids:
        lives.wait_for_end(run_id)
        check_succeeded(lives, run_id)
    assert len(lives.markers.all("start")) == 5
    check_nothing_left(lives.daemon, lives.markers)


def _kill_servers(lives: Lives, killed: set[int]) -> set[int]:
    found = {server.pid for server in servers(lives).values()} - killed if len(killed) < _KILLS else set()
    for pid in found:
        kill(pid)
    return found


def test_servers_end_with_their_daemon_and_runs_do_not(lives: Lives, tmp_path: Path, *, is_warm: bool) -> None:
    gate = tmp_path / "gate"
    job = job_of(lives, _WAITS.format(gate=str(gate)), is_warm=is_warm)
    run_id = lives.client.start(job)
    of_daemon = servers(lives)
    assert origin_of(lives, run_id) == of_daemon[is_warm].pid
    lives.daemon.kill()
    until(
        lambda: not any(processes.is_alive(server.pid) for server in of_daemon.values()),
        what="the end of the spawn server and the template",
    )
    assert processes.is_alive(shim_of(lives.daemon, run_id).pid)
    assert len(alive_of(lives.markers)) == 1
    gate.touch()
    until(lambda: not alive_of(lives.markers), what="the end of the script")
    lives.revive()
    lives.wait_for_end(run_id)
    check_succeeded(lives, run_id)


def test_a_template_that_still_imports_ends_with_its_daemon(lives: Lives, tmp_path: Path) -> None:
    venv = Venv(tmp_path)
    note = tmp_path / "importing"
    venv.module("hangs", f"import os, time\nopen({str(note)!r}, 'w').write(f'{{os.getpid()}}\\n')\ntime.sleep(600)")
    arguments = {"--orchestrator-python": str(venv.root), "--orchestrator-preload": "hangs"}
    job = lives.client.job("hanging", lives.markers.script(), DefaultArguments=arguments)
    run_id = lives.client.start(job)
    lives.wait_for_end(run_id)
    check_succeeded(lives, run_id)
    until(lambda: note.exists() and note.read_text().endswith("\n"), what="a template that imports")
    template = int(note.read_text())
    assert processes.is_alive(template)
    lives.daemon.kill()
    until(lambda: not processes.is_alive(template), what="the end of the template")


def test_a_warm_script_dies_with_its_shim_and_its_children_are_swept(lives: Lives) -> None:
    job = job_of(lives, _FAMILY, is_warm=True)
    run_id = lives.client.start(job)
    (marker,) = lives.markers.wait_for("children", run_id=run_id)
    assert origin_of(lives, run_id) == servers(lives)[True].pid
    children = psutil.Process(marker.pid).children(recursive=True)
    assert len(children) == 3
    kill(shim_of(lives.daemon, run_id).pid)
    lives.wait_for_end(run_id)
    run = check_truthful(lives.daemon, run_id)
    assert "its shim died" in run["error_message"]
    check_ran_once(lives.markers, run)
    assert not any(processes.is_alive(child.pid) for child in children)
    check_nothing_left(lives.daemon, lives.markers)


def test_the_lock_of_a_claim_goes_with_the_shim_although_what_it_forked_lives(lives: Lives) -> None:
    """The script and its children are forks of the shim: none of them may hold the claim."""
    job = job_of(lives, _FAMILY, is_warm=True)
    run_id = lives.client.start(job)
    (marker,) = lives.markers.wait_for("children", run_id=run_id)
    lives.daemon.kill()  # or it would sweep
    children = psutil.Process(marker.pid).children()
    shim = shim_of(lives.daemon, run_id)
    kill(shim.pid)
    until(lambda: not shim.is_running() or shim.status() == psutil.STATUS_ZOMBIE, what="the death of the shim")
    descriptor = os.open(run_directory(lives.daemon, run_id) / "claim", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        assert [processes.is_alive(child.pid) for child in children] == [True] * 3
    finally:
        os.close(descriptor)
    lives.revive()
    lives.wait_for_end(run_id)
    assert "its shim died" in check_truthful(lives.daemon, run_id)["error_message"]
    check_nothing_left(lives.daemon, lives.markers)


def test_no_descriptor_of_the_daemon_or_its_servers_is_open_in_a_script(lives: Lives, *, is_warm: bool) -> None:
    body = "note('open', *sorted(os.listdir('/proc/self/fd'), key=int))\n"
    run_id = lives.client.start(job_of(lives, body, is_warm=is_warm))
    lives.wait_for_end(run_id)
    assert origin_of(lives, run_id) == servers(lives)[is_warm].pid
    (marker,) = lives.markers.all("open")
    assert marker.more == ("0", "1", "2", "3"), "the fourth is the one that lists"

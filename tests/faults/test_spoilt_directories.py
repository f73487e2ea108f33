"""A script that spoils its own run's directory, above its working directory, spoils its own run at most.

It ends, it can be stopped, and its shim waits for no pipe; what the script has put there is moved aside where need be.
"""

from collections.abc import Iterator
from typing import Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

_RESERVE: Final = "glob.glob('ending.[0-9]*')[0]"
_BEGIN: Final = """
import glob, os, shutil, signal, stat, sys, time
os.chdir("..")
def away(name):
    if os.path.lexists(name):
        os.rename(name, name + ".away")
    return name
"""
_SPOILS: Final = {
    "ending_is_directory": "os.makedirs('ending.json/full')",
    "ending_is_pipe": "os.mkfifo('ending.json')",
    "ending_is_link": "os.symlink('/etc/passwd', 'ending.json')",
    "reserve_is_directory": f"os.mkdir(away({_RESERVE}))",
    "reserve_is_pipe": f"os.mkfifo(away({_RESERVE}))",
    "reserve_is_read_pipe": f"name = {_RESERVE}; os.mkfifo(away(name)); os.open(name, os.O_RDWR)",
    "reserve_is_link": f"os.symlink(os.path.abspath('victim'), away({_RESERVE}))",
    "reserve_is_gone": f"os.unlink({_RESERVE})",
    "times_is_pipe": "os.mkfifo('stdout.times')",
    "times_is_directory": "os.mkdir('stdout.times')",
    "log_is_gone": "os.unlink('stdout.log')",
    "claim_is_gone": "os.unlink('claim')",
    "claim_is_directory": "os.mkdir(away('claim'))",
    "work_is_gone": "shutil.rmtree('work')",
    "bookmark_is_gone": "shutil.rmtree('bookmark')",
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon."""
    environment = {"ORCHESTRATOR_RUNS__STOP_GRACE_S": "0.5", "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30"}
    with running_daemon(tmp_path_factory.mktemp("daemon"), environment) as running:
        yield running


@pytest.mark.parametrize("name", _SPOILS)
def test_a_script_that_spoils_its_directory_ends(daemon: Daemon, name: str) -> None:
    run = runs.finish(daemon, daemon.job(name, f"{_BEGIN}{_SPOILS[name]}\nprint('said', flush=True)\n"))
    assert run["JobRunState"] == ("FAILED" if name == "claim_is_gone" else "SUCCEEDED"), run
    assert not (runs.directory(daemon, run["Id"]) / "victim").exists(), "nothing is written through a link"
    assert runs.succeed(daemon, daemon.job(f"after_{name}", "print(1)\n"))


@pytest.mark.parametrize("name", _SPOILS)
def test_a_script_that_spoils_its_directory_can_be_stopped(daemon: Daemon, name: str) -> None:
    job = daemon.job(
        f"stopped_{name}",
        f"{_BEGIN}{_SPOILS[name]}\nprint('said', flush=True)\nopen('spoilt', 'w').close()\ntime.sleep(60)\n",
    )
    run_id = runs.start(daemon, job)
    until((runs.directory(daemon, run_id) / "spoilt").exists, what="a directory that is spoilt")
    daemon.call("BatchStopJobRun", {"JobName": job, "JobRunIds": [run_id]})
    assert daemon.ended(job, run_id)["JobRunState"] == "STOPPED"

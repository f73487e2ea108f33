"""A daemon that starts on a full disk says so and ends; when there is room again it goes on, and its runs have gone on.

What a full disk does to a daemon that runs is in tests/integration/test_queue.py.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.executors.local import script_output
from tests.support import disks, runs
from tests.support.crashing import a_daemon, run_directory
from tests.support.daemon import Daemon
from tests.support.waiting import until

EX_IOERR: Final = 74
Trouble = Callable[[Path], AbstractContextManager[None]]


def _in_full(trouble: Trouble) -> Any:
    """Have it in the long form of the tests only."""
    return pytest.param(trouble, marks=pytest.mark.crash_full)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Lend a small file system."""
    with disks.small_disk(tmp_path) as disk:
        yield disk


@pytest.fixture
def daemon(tmp_path: Path, small_disk: Path) -> Iterator[Daemon]:
    """Lend a daemon, not started yet, whose state is on the small disk."""
    daemon = a_daemon(tmp_path / "daemon")
    daemon.state_dir = small_disk / "state"
    try:
        yield daemon
    finally:
        if daemon.process is not None:
            daemon.kill()
        daemon.end_runs()


def refused(daemon: Daemon) -> str:
    """See a start fail for want of room; return what it said."""
    said = len(daemon.log())
    daemon.start(wait=False)
    code = daemon.wait_until_dead()
    assert (code, "Traceback" in daemon.log()[said:]) == (EX_IOERR, False), daemon.log()[said:]
    return daemon.log()[said:]


@pytest.mark.parametrize("trouble", [_in_full(disks.full), disks.without_inodes])
def test_a_first_start_without_room_ends_with_74_and_the_next_with_room_begins(
    daemon: Daemon, small_disk: Path, trouble: Trouble
) -> None:
    daemon.log_path.touch()
    with trouble(small_disk):
        assert "No space left on device" in refused(daemon) or "disk is full" in daemon.log()
    daemon.start()
    runs.succeed(daemon, daemon.job("job", "pass\n"))


@pytest.mark.parametrize("trouble", [disks.full, _in_full(disks.without_inodes)])
def test_a_restart_without_room_touches_no_run_and_goes_on_when_there_is_room(
    daemon: Daemon, small_disk: Path, tmp_path: Path, trouble: Trouble
) -> None:
    gate = tmp_path / "gate"
    daemon.start()
    job = daemon.job("job", runs.WAIT_FOR_GATE, ExecutionProperty={"MaxConcurrentRuns": 2})
    run_id = runs.start(daemon, job, Arguments={"--gate": str(gate)})
    runs.in_state(daemon, job, run_id, "RUNNING")
    daemon.terminate()  # the log of the database is gone, and has to be made again
    with trouble(small_disk):
        refused(daemon)
        gate.touch()
        until((run_directory(daemon, run_id) / "ending.json").exists, what="the sealed ending")
    daemon.start()
    assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"
    runs.succeed(daemon, job, Arguments={"--gate": str(gate)})


def test_a_log_goes_on_when_there_is_room_again_and_says_what_is_missing(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(small_disk)
    log = script_output.Log("stdout.log", 1024 * 1024)

    def say(text: bytes) -> None:
        os.write(log.sink, text)
        log.pump()

    say(b"before\n")
    with disks.full(small_disk):
        say(b"a" * 5000)  # some of it still fits into the block that the file has
        say(b"b" * 1000)
    say(b"after\n")
    with disks.full(small_disk):
        say(b"c" * 9000)
    log.close()  # the last that is missing is told as well
    told = re.fullmatch(
        rb"before\n(a*)\n\[orchestrator\] (\d+) bytes are missing.*\nafter\n(c*)\n.* (\d+) bytes.*\n", _log()
    )
    assert told is not None, _log()[-300:]
    assert len(told[1]) + int(told[2]) == 6000
    assert len(told[3]) + int(told[4]) == 9000


def _log() -> bytes:
    return Path("stdout.log").read_bytes()

"""A daemon tells its service manager how it is: starting, ready, busy, reloading, stopping; and that it does not hang."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import pytest

from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

_WATCHDOG_S: Final = 0.4


class Manager:
    """A service manager that only listens."""

    def __init__(self, path: Path) -> None:
        """Listen at `path`."""
        self.path = path
        self.heard: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def hear(self) -> list[str]:
        """Return the lines that were told so far."""
        with suppress(BlockingIOError):
            while True:
                self.heard += self._socket.recv(4096).decode().splitlines()
        return self.heard

    def has_heard(self, *lines: str) -> bool:
        """Say whether `lines` were told in this order, with whatever else between them."""
        told = iter(self.hear())
        return all(line in told for line in lines)

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    made = Manager(tmp_path / "notify")
    yield made
    made.close()


@pytest.fixture
def daemon(tmp_path: Path, manager: Manager) -> Iterator[Daemon]:
    environment = {
        "NOTIFY_SOCKET": str(manager.path),
        "WATCHDOG_USEC": str(int(_WATCHDOG_S * 1_000_000)),
        "ORCHESTRATOR_CAPACITY__DPUS": "10",
    }
    with running_daemon(tmp_path, environment) as made:
        yield made


def test_the_life_of_a_daemon_is_told_as_it_goes(daemon: Daemon, manager: Manager) -> None:
    until(lambda: manager.has_heard("STATUS=reads its state", "READY=1", "STATUS=0 live runs, 0 queued"))
    daemon.job("long", "import time; time.sleep(60)", ExecutionProperty={"MaxConcurrentRuns": 2})
    runs = [daemon.call("StartJobRun", {"JobName": "long"})["JobRunId"] for _ in range(2)]
    until(lambda: manager.has_heard("STATUS=1 live run, 1 queued"), what="a status of both")
    daemon.call("BatchStopJobRun", {"JobName": "long", "JobRunIds": runs})
    until(lambda: manager.has_heard("STATUS=1 live run, 1 queued", "STATUS=0 live runs, 0 queued"), what="their ends")

    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: manager.has_heard("READY=1", "RELOADING=1", "READY=1"), what="the end of a reload")
    assert daemon.terminate() == 0
    assert manager.has_heard("READY=1", "STOPPING=1")


def test_a_daemon_that_hangs_is_silent(daemon: Daemon, manager: Manager) -> None:
    """And one that goes on is not."""
    until(lambda: manager.hear().count("WATCHDOG=1") >= 3, what="a watchdog that hears it")
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGSTOP)
    os.waitpid(daemon.pid, os.WUNTRACED)
    manager.hear()
    manager.heard.clear()
    with pytest.raises(TimeoutError):
        until(lambda: manager.has_heard("WATCHDOG=1"), within_s=3 * _WATCHDOG_S)
    daemon.process.send_signal(signal.SIGCONT)
    until(lambda: manager.has_heard("WATCHDOG=1"), what="a watchdog that hears it again")

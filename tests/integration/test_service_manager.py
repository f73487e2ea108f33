"""A daemon tells its service manager how it is: starting, ready, busy, reloading, stopping; and that it does not hang."""

import itertools
import os
import signal
import socket
import struct
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.support.daemon import Daemon, running_daemon
from tests.support.strace import injected
from tests.support.waiting import until

_SO_TIMESTAMPNS: Final = 35  # the kernel says when a word came
_WATCHDOG_S: Final = 0.4
_FLUSH_S: Final = 2.0


class Manager:
    """A service manager that only listens."""

    def __init__(self, path: Path) -> None:
        """Listen at `path`."""
        self.path = path
        self.heard: list[str] = []
        self.watchdog_heard_at_s: list[float] = []
        self._arrived: deque[tuple[str, float]] = deque()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._socket.bind(str(path))
        self._reader = threading.Thread(target=self._read)  # at once: the kernel keeps ten words only
        self._reader.start()

    def _read(self) -> None:
        while True:
            data, [(_, _, stamp)], _, _ = self._socket.recvmsg(4096, 64)
            if not data:
                return
            seconds, nanoseconds = struct.unpack("qq", stamp)
            self._arrived.append((data.decode(), seconds + nanoseconds / 1e9))

    def hear(self) -> list[str]:
        """Return the lines that were told so far."""
        while self._arrived:
            text, at_s = self._arrived.popleft()
            lines = text.splitlines()
            self.heard += lines
            self.watchdog_heard_at_s += [at_s] * lines.count("WATCHDOG=1")
        return self.heard

    def has_heard(self, *lines: str) -> bool:
        """Say whether `lines` were told in this order, with whatever else between them."""
        told = iter(self.hear())
        return all(line in told for line in lines)

    def close(self) -> None:
        """Listen no more."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.path))
        self._reader.join()
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
        "ORCHESTRATOR_QUICK_COMMIT_MS": "100",  # the first commits are surely the event loop's own
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


def test_a_daemon_of_which_the_event_loop_alone_hangs_is_silent(
    daemon: Daemon, manager: Manager, tmp_path: Path
) -> None:
    """It waits for the disk, in a commit of its own; every other thread lives."""
    log = tmp_path / "strace"
    daemon.job("quick", "")
    until(lambda: manager.hear().count("WATCHDOG=1") >= 3, what="a watchdog that hears it")
    with (
        injected(daemon.pid, f"fdatasync:delay_enter={round(_FLUSH_S * 1e6)}", log=log),
        ThreadPoolExecutor() as threads,
    ):
        call = threads.submit(daemon.call, "StartJobRun", {"JobName": "quick"})
        silence_s = _longest_silence_s(manager, call.done)
        assert "JobRunId" in call.result()
        assert _longest_silence_s(manager, lambda: len(manager.watchdog_heard_at_s) >= 3) < _FLUSH_S / 2
    flushed_by = [int(line.split()[0]) for line in log.read_text().splitlines() if "fdatasync(" in line]
    assert flushed_by[0] == daemon.pid, "the thread of the event loop, which is the process's first"
    assert silence_s > _FLUSH_S - _WATCHDOG_S / 2


def _longest_silence_s(manager: Manager, is_over: Callable[[], bool]) -> float:
    """Return the longest time without a word to the watchdog, from now until `is_over`."""
    told_at_s = manager.watchdog_heard_at_s
    manager.hear()
    del told_at_s[:-1]  # with the last word before: the silence may have begun

    def is_heard(count: int, *, is_over: Callable[[], bool] = lambda: True) -> bool:
        manager.hear()
        return len(told_at_s) >= count and is_over()

    until(lambda: is_heard(1, is_over=is_over), what="the end of what is watched")
    heard = len(told_at_s)
    until(lambda: is_heard(heard + 1), what="the next word")
    return max(later - earlier for earlier, later in itertools.pairwise(told_at_s))

"""A sweep ends every process that carries the run's mark in its environment, and no other."""

import errno
import os
import resource
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psutil
import pytest

from orchestrator.executors.local import leftovers
from orchestrator.executors.local.leftovers import MARKER
from tests.support.processes import is_alive
from tests.support.waiting import until

FAMILY = """
import subprocess, sys
child = subprocess.Popen(["sleep", "60"], start_new_session=True)
print(child.pid, flush=True)
sys.stdin.read()
"""
CHAIN = """
import os, sys, time
end = time.monotonic() + 20
os.setsid()
print(flush=True)
while time.monotonic() < end and os.fork() == 0:
    time.sleep(float(sys.argv[1]))
    os.setsid()
os._exit(0)
"""


@contextmanager
def a_process(mark: str | None) -> Iterator[subprocess.Popen[bytes]]:
    """Lend a process with the mark in its environment, which has read it and stands."""
    environment = {} if mark is None else {MARKER: mark}
    process = subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=10)


def child_of(process: subprocess.Popen[bytes]) -> int:
    assert process.stdout is not None
    return int(process.stdout.readline())


def test_a_marked_process_and_its_detached_child_are_ended() -> None:
    mark = f"jr_{uuid4().hex}"
    with a_process(mark) as process:
        child = child_of(process)
        assert leftovers.sweep(mark) == 2
        assert process.wait(timeout=10) == -9
        until(lambda: not is_alive(child), within_s=5, what="the end of the child")


@pytest.mark.parametrize("mark", [None, "jr_another", "jr_1234_attempt_1"])
def test_who_carries_no_mark_or_anothers_is_left_alone(mark: str | None) -> None:
    with a_process(mark) as process:
        child = child_of(process)
        try:
            assert leftovers.sweep("jr_1234") == 0
            assert process.poll() is None
            assert is_alive(child)
        finally:
            subprocess.run(["kill", str(child)], check=True, timeout=10)


def test_a_mark_among_the_arguments_is_none() -> None:
    mark = f"jr_{uuid4().hex}"
    with subprocess.Popen([sys.executable, "-c", "input()", f"{MARKER}={mark}"], stdin=subprocess.PIPE) as process:
        assert leftovers.sweep(mark) == 0
        assert process.poll() is None


def test_a_process_that_has_ended_and_was_not_reaped_is_no_leftover() -> None:
    mark = f"jr_{uuid4().hex}"
    with subprocess.Popen(["/bin/true"], env={MARKER: mark}) as process:
        until(lambda: not is_alive(process.pid), within_s=5, what="the end")
        assert leftovers.sweep(mark) == 0


@pytest.mark.parametrize("pause_s", ["0.002", "0.01"])
def test_a_chain_of_processes_each_of_which_forks_the_next_and_ends_is_ended(pause_s: str) -> None:
    """None of them lives as long as a look at all processes takes, and no two share a session."""
    mark = f"jr_{uuid4().hex}"
    links = [sys.executable, "-I", "-S", "-c", CHAIN, pause_s]
    for _ in range(10):
        with subprocess.Popen(links, env={MARKER: mark}, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            leftovers.sweep(mark)
            assert process.stdout.read() == b""  # which all of them hold: it ends when the last has


def test_who_cannot_be_looked_at_for_want_of_a_descriptor_is_not_taken_for_swept() -> None:
    mark = f"jr_{uuid4().hex}"
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with a_process(mark) as process:
        child = child_of(process)
        os.close(free := os.dup(0))
        resource.setrlimit(resource.RLIMIT_NOFILE, (free + 1, limits[1]))  # one is left, and a look needs two
        try:
            with pytest.raises(OSError, match="Too many open files"):
                leftovers.sweep(mark)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        assert is_alive(child)
        assert leftovers.sweep(mark) == 2


@pytest.mark.parametrize("number", [None, errno.EINVAL, errno.ENOENT, errno.ESRCH])
def test_a_pid_that_is_a_threads_by_now_is_nobody(number: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the kernel says of it depends on its version; this one's own word is the first case."""
    opens, over = os.pidfd_open, threading.Event()
    thread = threading.Thread(target=over.wait)
    thread.start()
    listed = psutil.pids()

    def opened(pid: int) -> int:
        if number is not None and pid == thread.native_id:
            raise OSError(number, os.strerror(number))
        return opens(pid)

    monkeypatch.setattr(os, "pidfd_open", opened)
    monkeypatch.setattr(psutil, "pids", lambda: [*listed, thread.native_id])
    try:
        assert leftovers.sweep(f"jr_{uuid4().hex}") == 0
    finally:
        over.set()
        thread.join()


def test_nothing_to_sweep_is_no_error() -> None:
    assert leftovers.sweep(f"jr_{uuid4().hex}") == 0

"""A pid namespace whose first process reaps nobody unless told, as in many a container; the next pid in it is the test's to choose.

Processes are started into it from here, so that they are children of the test, and it can wait for them.
"""

import contextlib
import ctypes
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.support.waiting import until

_CLONE_NEWNS: Final = 0x00020000
_CLONE_NEWPID: Final = 0x20000000
_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_FIRST: Final = """
import os, signal
def reap(*_):
    try:
        while os.waitpid(-1, os.WNOHANG)[0]: pass
    except ChildProcessError: pass
signal.signal(signal.SIGUSR1, reap)
print("there", flush=True)
while True: signal.pause()
"""
_AS_PID: Final = """
import os, sys, time
def go_on_behind(pid):
    with open("/proc/sys/kernel/ns_last_pid", "w") as last:
        last.write(str(pid))
wanted = int(sys.argv[1])
while True:
    go_on_behind(wanted - 1)
    pid = os.fork()
    if pid == 0:
        time.sleep(120)
        os._exit(0)
    if pid == wanted:
        break
    os.kill(pid, 9)
    os.waitpid(pid, 0)
go_on_behind(wanted + 1000)  # others shall not take what the test wants next
print("there", flush=True)
os.waitpid(pid, 0)
"""


class PidNamespace:
    """Made by `pid_namespace`."""

    def __init__(self, first: int) -> None:
        """Know it by its first process."""
        self._first = first

    @property
    def first(self) -> int:
        """The pid of its first process."""
        return self._first

    def popen(self, argv: list[str], **options: Any) -> "subprocess.Popen[Any]":
        """Start a process in it; its pid, as everything here, is ours."""
        mounts = os.open(f"/proc/{self._first}/ns/mnt", os.O_RDONLY)
        try:
            with self._children_go_there():
                return subprocess.Popen(argv, preexec_fn=lambda: _enter(mounts, _CLONE_NEWNS), **options)  # noqa: PLW1509 - this process may have threads; what runs between fork and exec is one system call
        finally:
            os.close(mounts)

    def pid_inside(self, pid: int) -> int:
        """Return what a process is called in there."""
        line = re.search(r"^NSpid:(.*)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
        assert line is not None
        return int(line[1].split()[-1])

    def pid_outside(self, pid: int) -> int:
        """Return how a process is called here that is called `pid` in there."""
        return next(one.pid for one in self.processes() if self._is_called(one.pid, pid))

    def has(self, pid: int) -> bool:
        """Say whether there is a process that is called `pid` in there, be it a zombie."""
        return any(self._is_called(one.pid, pid) for one in self.processes())

    def processes(self) -> list[psutil.Process]:
        """Return all that are in it, with the zombies."""
        place = Path(f"/proc/{self._first}/ns/pid").stat().st_ino
        found = []
        for one in psutil.process_iter():
            with contextlib.suppress(OSError):
                if Path(f"/proc/{one.pid}/ns/pid").stat().st_ino == place:
                    found.append(one)
        return found

    def free(self, pid: int) -> None:
        """Let the pid, as it is called here, of a process that has ended be given to others."""

        def is_free() -> bool:
            os.kill(self._first, signal.SIGUSR1)
            return pid not in {one.pid for one in self.processes()}

        until(is_free, what=f"the end of {pid}, and that somebody reaps it")

    @contextlib.contextmanager
    def stranger(self, pid: int) -> Iterator[psutil.Process]:
        """Lend a process that has nothing to do with anything, under a pid of the namespace that nobody has now."""
        with self.popen([sys.executable, "-I", "-S", "-c", _AS_PID, str(pid)], stdout=subprocess.PIPE) as parent:
            try:
                assert parent.stdout is not None
                assert parent.stdout.readline() == b"there\n"
                (child,) = psutil.Process(parent.pid).children()
                assert self.pid_inside(child.pid) == pid
                yield child
            finally:
                for one in psutil.Process(parent.pid).children():
                    one.kill()
                parent.kill()

    def _is_called(self, outside: int, inside: int) -> bool:
        with contextlib.suppress(OSError):
            return self.pid_inside(outside) == inside
        return False

    @contextlib.contextmanager
    def _children_go_there(self) -> Iterator[None]:
        """Let this thread's children be made in there; this process itself stays where it is."""
        there, here = (os.open(f"/proc/{pid}/ns/pid", os.O_RDONLY) for pid in (self._first, "self"))
        try:
            _enter(there, _CLONE_NEWPID)
            try:
                yield
            finally:
                _enter(here, _CLONE_NEWPID)
        finally:
            os.close(there)
            os.close(here)


def _enter(namespace: int, kind: int) -> None:
    if _LIBC.setns(namespace, kind) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


@contextlib.contextmanager
def pid_namespace() -> Iterator[PidNamespace]:
    """Lend one; all that is left in it dies with it. Where it cannot be had, the test is skipped, and says so."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: what happens in a pid namespace. Only root can make one here")
    argv = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable, "-I", "-S", "-c", _FIRST]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as maker:
        assert maker.stdout is not None
        assert maker.stderr is not None
        if maker.stdout.readline() != b"there\n":
            pytest.skip(f"NOT TESTED: what happens in a pid namespace: {maker.stderr.read().decode()}")
        (first,) = psutil.Process(maker.pid).children()
        try:
            yield PidNamespace(first.pid)
        finally:
            first.kill()  # and all that is left in there with it
            maker.wait()

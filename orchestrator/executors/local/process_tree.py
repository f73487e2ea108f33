"""All processes of a run: the descendants of its shim, which the kernel gives back to it when their parents die.

Loaded by shim.py; standard library only. Source: prctl(2), pidfd_send_signal(2), proc(5).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
EXIT_NOT_EXECUTED = 127
_LIBC = ctypes.CDLL(None, use_errno=True)


def adopt_orphans() -> None:
    """Be the parent of descendants whose own parent dies: none gets away unseen."""
    _LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def die_with(shim: int) -> None:
    """Be killed by the kernel when the shim dies."""
    _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != shim:
        os._exit(EXIT_NOT_EXECUTED)


def pids() -> list[int]:
    """Return the pids of all descendants, parents before children."""
    found = []
    waiting = [os.getpid()]
    while waiting:
        pid = waiting.pop()
        with contextlib.suppress(OSError):
            for thread in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{thread}/children") as file:
                    children = [int(child) for child in file.read().split()]
                found.extend(children)
                waiting.extend(children)
    return found


def signal_all(number: int) -> None:
    """Send a signal to every descendant, each through a pidfd that was checked to be one of ours."""
    ours = {os.getpid()}
    for pid in pids():
        with contextlib.suppress(OSError, ValueError, IndexError):
            pidfd = os.pidfd_open(pid)
            try:
                with open(f"/proc/{pid}/stat") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
                if parent in ours:  # still the process that the walk saw, not a stranger under its number
                    ours.add(pid)
                    signal.pidfd_send_signal(pidfd, number)
            finally:
                os.close(pidfd)


def kill_all() -> None:
    """Kill until the kernel says that no child is left."""
    while True:
        try:
            os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        signal_all(signal.SIGKILL)
        try:
            while os.waitpid(-1, 0)[0]:
                signal_all(signal.SIGKILL)
        except ChildProcessError:
            return
        except InterruptedError:
            continue

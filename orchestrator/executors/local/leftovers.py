"""What a dead shim left behind: found by the run's id in the environment, ended for sure.

Only for the case that a shim was killed with SIGKILL: then its script dies with it (PR_SET_PDEATHSIG), and the
script's own children are looked up here. A process that cleared its environment is not found.
"""

import errno
import os
import select
import signal
from pathlib import Path
from typing import Final

import psutil

MARKER: Final = "ORCH_JOB_RUN_ID"
_MAX_ROUNDS: Final = 1000
_MAX_EMPTY_ROUNDS: Final = 200
"""So many looks in a row that find none count, too: where somebody else begins processes all the time."""
_PATIENCE_MS: Final = 1000
_NOBODY: Final = {errno.ESRCH, errno.EINVAL, errno.ENOENT}
"""No process has the pid any more; by now it may be a thread's, for which kernels have said the one or the other."""


def sweep(run_id: str) -> int:
    """Kill every process whose environment names the run, until there is none; return how many were killed.

    A process may end between the listing and the look at it, and have begun another meanwhile. So a look that finds
    none counts only when it met no process that the look before it had not met.

    Raises:
        OSError: not all could be looked at (no file descriptor is left, say); try again.
    """
    killed = empty_rounds = 0
    before: set[int] = set()
    mark = f"{MARKER}={run_id}".encode()
    for _ in range(_MAX_ROUNDS):
        pids = set(psutil.pids())
        found = sum(_end(pid, mark) for pid in sorted(pids, reverse=True))  # the youngest first: they may not live long
        empty_rounds = 0 if found else empty_rounds + 1
        if empty_rounds == _MAX_EMPTY_ROUNDS or (not found and pids <= before):
            break
        killed += found
        before = pids
    return killed


def _end(pid: int, mark: bytes) -> bool:
    """Kill a process if it carries the mark, and wait until it is gone; return whether it did.

    Its pidfd is opened before it is looked at, so that what is killed is what was looked at. A zombie has no environment.
    """
    try:
        pidfd = os.pidfd_open(pid)
    except OSError as error:
        if error.errno in _NOBODY:
            return False
        raise
    try:
        if mark not in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            return False
        signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        poll.poll(_PATIENCE_MS)  # it is gone when its pidfd is readable
    except (FileNotFoundError, ProcessLookupError, PermissionError):  # it is gone, or somebody else's
        return False
    else:
        return True
    finally:
        os.close(pidfd)

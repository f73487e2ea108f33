"""What a dead shim left behind: found by the run's id in the environment, ended for sure.

Only for the case that a shim was killed with SIGKILL: then its script dies with it (PR_SET_PDEATHSIG), and the
script's own children are looked up here. A process that cleared its environment is not found.
"""

import os
import select
import signal
from contextlib import suppress
from typing import Final

import psutil

MARKER: Final = "ORCH_JOB_RUN_ID"
_MAX_ROUNDS: Final = 100
_PATIENCE_MS: Final = 1000


def sweep(run_id: str) -> int:
    """Kill every process whose environment names the run, until there is none; return how many were killed."""
    killed = 0
    for _ in range(_MAX_ROUNDS):
        found = _find(run_id)
        if not found:
            break
        for pidfd in found:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(pidfd, signal.SIGKILL)
                killed += 1
        for pidfd in found:
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            poll.poll(_PATIENCE_MS)  # a process is gone when its pidfd is readable
            os.close(pidfd)
    return killed


def _find(run_id: str) -> list[int]:
    """Return pidfds, each opened before its process was looked at, so that it is the one that was looked at."""
    found = []
    for pid in psutil.pids():
        try:
            pidfd = os.pidfd_open(pid)
        except OSError:
            continue
        try:
            process = psutil.Process(pid)
            is_ours = process.environ().get(MARKER) == run_id and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            is_ours = False
        if is_ours:
            found.append(pidfd)
        else:
            os.close(pidfd)
    return found

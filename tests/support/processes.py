"""What is alive: looked up by the pids that scripts wrote down themselves, and by the marks that runs carry."""

import os
from pathlib import Path

import psutil


def is_alive(pid: int) -> bool:
    """Say whether `pid` is a process that is not just a zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def below(state_dir: Path) -> list[psutil.Process]:
    """Return the live processes that belong to a state directory: daemons, shims (by argv) and scripts (by mark)."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid == os.getpid() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            argv = " ".join(process.cmdline())
            mark = process.environ().get("ORCH_BOOKMARK_FILE", "")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if str(state_dir) in argv or mark.startswith(str(state_dir)):
            found.append(process)
    return found

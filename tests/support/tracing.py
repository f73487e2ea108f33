"""strace on processes of a daemon that is tested: it sees their system calls, and lets some of them fail or kill."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.support.crashing import kill
from tests.support.waiting import until

BEGINS: Final = "shim.begun:stop"
"""The point at which each shim stops itself, before it does anything for its run."""


class Tracers:
    """The tracers of the shims of some runs, which are let go when they are traced."""

    def __init__(self, root: Path) -> None:
        """Keep what they write in `root`."""
        self._root = root
        self._tracers: list[subprocess.Popen[bytes]] = []

    def trace_shim(self, run_id: str, *what: str) -> None:
        """Let the shim that has stopped at the beginning of a run go on under a tracer."""
        pid = until(lambda: stopped(run_id), what=f"a shim of {run_id} that has stopped") or 0
        self.trace(pid, *what, log=self.log(run_id))
        kill(pid, signal.SIGCONT)

    def trace(self, pid: int, *what: str, log: Path = Path(os.devnull)) -> None:
        """Trace a process from now on."""
        argv = ["strace", "-qq", "-o", str(log), "-p", str(pid), *what]
        self._tracers.append(subprocess.Popen(argv, stdin=subprocess.DEVNULL))
        until(lambda: _status(pid).get("TracerPid") != "0", what=f"a tracer of {pid}")

    def log(self, run_id: str) -> Path:
        """Return where the tracer of a run's shim writes."""
        return self._root / f"{run_id}.trace"

    def end(self) -> None:
        """Let those go on untraced that are alive."""
        for tracer in self._tracers:
            tracer.terminate()
            tracer.wait()
        self._tracers.clear()


def _status(pid: int) -> dict[str, str]:
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}
    return {}


def stopped(run_id: str) -> int | None:
    """Return the shim of a run that has stopped itself, if there is one."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                is_its = run_id.encode() in (entry / "cmdline").read_bytes()
                if is_its and _status(int(entry.name)).get("State", "").startswith("T (stopped)"):
                    return int(entry.name)
    return None


@contextlib.contextmanager
def tracing(root: Path) -> Iterator[Tracers]:
    """Lend tracers. Where there is no strace, the test is skipped, and says so."""
    if shutil.which("strace") is None:
        pytest.skip("NOT TESTED: what happens when a system call fails or kills. strace is not installed")
    tracers = Tracers(root)
    try:
        yield tracers
    finally:
        tracers.end()

"""strace on processes that are tested: it sees their system calls, and lets some of them fail, wait or kill."""

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


@contextlib.contextmanager
def injected(pid: int, *injections: str, path: Path | None = None, log: Path) -> Iterator[None]:
    """Inject (`fsync:error=EIO:when=1+`, say) into a process, its threads and what it forks, as long as this lasts.

    `when` counts each process and thread for itself. `path` narrows it to calls on one file. What strace saw is in `log`.
    """
    calls = ",".join(one.partition(":")[0] for one in injections)
    what = ["--follow-forks", f"--trace={calls}", *(f"--inject={one}" for one in injections)]
    what += [] if path is None else [f"--trace-path={path}"]
    tracer = _attach(pid, *what, log=log)
    try:
        yield
    finally:
        _let_go(tracer)


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
        self._tracers.append(_attach(pid, *what, log=log))

    def log(self, run_id: str) -> Path:
        """Return where the tracer of a run's shim writes."""
        return self._root / f"{run_id}.trace"

    def end(self) -> None:
        """Let those go on untraced that are alive."""
        for tracer in self._tracers:
            _let_go(tracer)
        self._tracers.clear()


@contextlib.contextmanager
def tracing(root: Path) -> Iterator[Tracers]:
    """Lend tracers. Where there is no strace, the test is skipped, and says so."""
    _program()
    tracers = Tracers(root)
    try:
        yield tracers
    finally:
        tracers.end()


def stopped(run_id: str) -> int | None:
    """Return the shim of a run that has stopped itself, if there is one."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                is_its = run_id.encode() in (entry / "cmdline").read_bytes()
                if is_its and "\nState:\tT (stopped)" in (entry / "status").read_text():
                    return int(entry.name)
    return None


def _program() -> str:
    program = shutil.which("strace")
    if program is None:
        pytest.skip("NOT TESTED: what happens when a system call fails or kills. strace is missing (make test-deps)")
    return program


def _attach(pid: int, *what: str, log: Path) -> subprocess.Popen[bytes]:
    argv = [_program(), "--quiet=all", f"--output={log}", f"--attach={pid}", *what]
    tracer = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        until(lambda: _is_attached(tracer, pid), what=f"strace attached to {pid}")
    except BaseException:
        _let_go(tracer)
        raise
    return tracer


def _let_go(tracer: subprocess.Popen[bytes]) -> None:
    tracer.terminate()  # it lets its tracees go
    tracer.communicate(timeout=20)


def _is_attached(tracer: subprocess.Popen[bytes], pid: int) -> bool:
    if tracer.poll() is not None:
        _, trouble = tracer.communicate()
        pytest.skip(f"NOT TESTED: faults of system calls. strace cannot trace here: {trouble.decode()}")
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
        tasks = Path(f"/proc/{pid}/task").iterdir()
        return all(f"TracerPid:\t{tracer.pid}\n" in (task / "status").read_text() for task in tasks)
    return False

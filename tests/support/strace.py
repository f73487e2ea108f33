"""Faults of single system calls, injected by strace into a process that runs: errors, delays, signals."""

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import until


@contextlib.contextmanager
def injected(pid: int, *injections: str, path: Path | None = None, log: Path) -> Iterator[None]:
    """Inject (`fsync:error=EIO:when=1+`, say) into a process, its threads and what it forks, as long as this lasts.

    `when` counts each process and thread for itself. `path` narrows it to calls on one file. What strace saw is in `log`.
    """
    program = shutil.which("strace")
    if program is None:
        pytest.skip("NOT TESTED: faults of system calls. strace is missing (make test-deps)")
    calls = ",".join(one.partition(":")[0] for one in injections)
    argv = [program, "--follow-forks", "--quiet=all", f"--output={log}", f"--trace={calls}", f"--attach={pid}"]
    argv += [f"--inject={one}" for one in injections]
    argv += [] if path is None else [f"--trace-path={path}"]
    tracer = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        until(lambda: _is_attached(tracer, pid), what=f"strace attached to {pid}")
        yield
    finally:
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

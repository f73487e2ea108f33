"""A script that writes without end, or that runs into a limit, is its own run's trouble and no other's."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.support import runs
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

_MIB: Final = 1024 * 1024
_LIMIT: Final = 4 * _MIB
_MARKER: Final = f"\n[orchestrator] the log limit of {_LIMIT} bytes is reached; the rest is not kept\n".encode()
_MOST_OF_A_SHIM: Final = 48 * _MIB
_FLOOD: Final = """
import os
chunk = b"x" * 1048576
for _ in range({count}):
    for stream in (1, 2):
        left = chunk
        while left:
            left = left[os.write(stream, left):]
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """Lend a daemon that keeps 4 MiB of each log."""
    environment = {"ORCHESTRATOR_RUNS__LOG_LIMIT_BYTES": str(_LIMIT), "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30"}
    with running_daemon(tmp_path_factory.mktemp("daemon"), environment) as running:
        yield running


def _shim(daemon: Daemon, run_id: str) -> psutil.Process:
    return next(one for one in psutil.process_iter() if _is_shim(one, run_id) and one.pid != daemon.pid)


def _is_shim(process: psutil.Process, run_id: str) -> bool:
    try:
        return process.cmdline()[-1:] != [] and process.cmdline()[-1].endswith(run_id)
    except psutil.Error:
        return False


def _check_capped(daemon: Daemon, run: dict[str, Any]) -> None:
    for stream in ("stdout", "stderr"):
        path = runs.directory(daemon, run["Id"]) / f"{stream}.log"
        assert path.stat().st_size == _LIMIT + len(_MARKER)
        assert path.read_bytes().endswith(b"x" + _MARKER)


@pytest.mark.crash_full
def test_a_gibibyte_of_output_is_capped_and_costs_neither_time_nor_memory(daemon: Daemon) -> None:
    gate = daemon.root / "flood"
    waits = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    job = daemon.job("flood", waits + _FLOOD.format(count=512))
    run_id = runs.start(daemon, job)
    runs.in_state(daemon, job, run_id, "RUNNING")
    shim, peaks = _shim(daemon, run_id), []

    def has_ended() -> bool:
        peaks.append((_resident(shim), psutil.Process(daemon.pid).memory_info().rss))
        return "CompletedOn" in daemon.run(job, run_id)

    before = psutil.Process(daemon.pid).memory_info().rss
    gate.touch()
    until(has_ended, within_s=50, what="the end of the flood")
    run = daemon.run(job, run_id)
    assert run["JobRunState"] == "SUCCEEDED", run
    _check_capped(daemon, run)
    assert 0 < max(shim for shim, _ in peaks) < _MOST_OF_A_SHIM
    assert max(rss for _, rss in peaks) < before + 32 * _MIB


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def test_a_flood_waits_for_no_daemon(daemon: Daemon) -> None:
    """It is the shim that empties the pipes: a daemon that hangs holds up no script."""
    gate = daemon.root / "flood_alone"
    waits = f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
    job = daemon.job("flood_alone", waits + _FLOOD.format(count=16))
    run_id = runs.start(daemon, job)
    runs.in_state(daemon, job, run_id, "RUNNING")
    directory = runs.directory(daemon, run_id)
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        gate.touch()
        until((directory / "ending.json").exists, what="the end of the script, without the daemon")
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    run = daemon.ended(job, run_id)
    assert run["JobRunState"] == "SUCCEEDED"
    _check_capped(daemon, run)


def test_a_script_whose_pipe_is_full_goes_on_where_it_was(daemon: Daemon) -> None:
    gate = daemon.root / "full_pipe"
    job = daemon.job(
        "full_pipe",
        f"import os, time\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.01)\n" + _FLOOD.format(count=1),
    )
    run_id = runs.start(daemon, job)
    runs.in_state(daemon, job, run_id, "RUNNING")
    shim = _shim(daemon, run_id)
    (script,) = shim.children()
    shim.suspend()
    try:
        gate.touch()
        until(lambda: _waits_in_a_write(script.pid), what="a script that waits for its pipe")
    finally:
        shim.resume()
    run = daemon.ended(job, run_id)
    assert run["JobRunState"] == "SUCCEEDED"
    for stream in ("stdout", "stderr"):
        assert (runs.directory(daemon, run_id) / f"{stream}.log").read_bytes() == b"x" * _MIB


def _waits_in_a_write(pid: int) -> bool:
    return "pipe_w" in Path(f"/proc/{pid}/wchan").read_text() or Path(f"/proc/{pid}/syscall").read_text().startswith(
        "1 "
    )


_LIMITED: Final = (
    "import os, resource, sys\ndef limit(name, most): resource.setrlimit(getattr(resource, name), (most, most))\n"
)


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("limit('RLIMIT_AS', 1 << 28)\ndata = bytearray(1 << 30)\n", "MemoryError"),
        ("limit('RLIMIT_DATA', 1 << 28)\ndata = bytearray(1 << 30)\n", "MemoryError"),
        (
            "limit('RLIMIT_FSIZE', 4096)\nwith open('big', 'wb') as big: big.write(bytes(8192))\n",
            "OSError: [Errno 27] File too large",
        ),
        ("limit('RLIMIT_NOFILE', 3)\nopen('/etc/passwd')\n", "OSError: [Errno 24] Too many open files: '/etc/passwd'"),
        (
            "resource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass\n",
            "Command failed with exit code 152 (SIGXCPU)",
        ),
        pytest.param(
            "import signal\nsignal.signal(24, 1)\nresource.setrlimit(resource.RLIMIT_CPU, (1, 2))\nwhile True: pass\n",
            "Command failed with exit code 137 (SIGKILL, which the orchestrator did not send)",
            marks=pytest.mark.crash_full,
        ),
        (
            "os.kill(os.getpid(), 9)\n",
            "Command failed with exit code 137 (SIGKILL, which the orchestrator did not send)",
        ),
    ],
    ids=["address space", "data", "file size", "open files", "CPU time", "CPU time, ignored", "a SIGKILL"],
)
def test_a_script_that_meets_a_limit_fails_alone_and_says_what_is_known(
    daemon: Daemon, script: str, message: str, tmp_path: Path
) -> None:
    neighbour = daemon.job(f"neighbour_{tmp_path.name}", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, neighbour, tmp_path / "gate") as well:
        run = runs.finish(daemon, daemon.job(f"limited_{tmp_path.name}", _LIMITED + script))
        assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", message)
        assert daemon.run(neighbour, well)["JobRunState"] == "RUNNING"
    assert daemon.run(neighbour, well)["JobRunState"] == "SUCCEEDED"

"""How the processes beside the daemon are executed: the spawn server, templates, and shims where no server answers."""

import json
import os
import signal
import socket
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from orchestrator.executors.world import Runtime

_FOLDER: Final = Path(__file__).resolve().parent
SHIM: Final = _FOLDER / "shim.py"
SPAWN_SERVER: Final = _FOLDER / "spawn_server.py"
MAKER: Final = _FOLDER / "environment_maker.py"
_NOTICES_FD: Final = 3  # in a shim
_SERVER_FDS: Final = (4, 3)  # in a spawn server: its requests, the notices
_MAKER_FDS: Final = (0, 3)  # in a maker of environments: what ends with the daemon, what is to be made
_TEST_VARIABLES: Final = ("ORCHESTRATOR_CRASH_AT", "ORCHESTRATOR_CRASH_LOG")
_SIGNALS: Final = tuple(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP})


def execute_shim(directory: Path, notices: int) -> int:
    """Execute a shim, which reads its spec from the directory; return its pid.

    Raises:
        OSError: the system has no room for a process.
    """
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", str(SHIM), str(directory)],
        _test_environment(),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, notices, _NOTICES_FD),
        ],
        setsigmask=(),
        setsigdef=_SIGNALS,
    )


def greet(runtime: Runtime | None, requests: socket.socket) -> None:
    """Lay down, before it starts, what a template is to compare its environment with; it reads that first.

    Raises:
        OSError: the environment is too large for a message.
    """
    if runtime is not None:
        requests.send(json.dumps(dict(runtime.environment)).encode())


def execute_server(runtime: Runtime | None, requests: int, notices: int, output: int) -> int:
    """Execute a server with these descriptors; return its pid.

    Raises:
        OSError: there is no such interpreter, or no room for a process.
    """
    if runtime is None:
        argv = [sys.executable, "-I", "-S", str(SPAWN_SERVER)]
        environment: Mapping[str, str] = {}
    else:
        argv = [runtime.python, str(SPAWN_SERVER), "--template", ",".join(runtime.preload)]
        environment = dict(runtime.environment)
    beyond = max(requests, notices, output, *_SERVER_FDS) + 1  # by way of numbers that none of them has
    high_requests, high_notices = beyond, beyond + 1
    return os.posix_spawn(
        argv[0],
        argv,
        {**environment, **_test_environment()},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, output, 1),
            (os.POSIX_SPAWN_DUP2, output, 2),
            (os.POSIX_SPAWN_DUP2, requests, high_requests),
            (os.POSIX_SPAWN_DUP2, notices, high_notices),
            (os.POSIX_SPAWN_DUP2, high_requests, _SERVER_FDS[0]),
            (os.POSIX_SPAWN_DUP2, high_notices, _SERVER_FDS[1]),
            (os.POSIX_SPAWN_CLOSE, high_requests),
            (os.POSIX_SPAWN_CLOSE, high_notices),
        ],
        setsid=True,  # a terminal's Ctrl-C is for the daemon
        setsigmask=(),
        setsigdef=_SIGNALS,
    )


def execute_maker(liveness: int, spec: int) -> int:
    """Execute a maker of one environment with these descriptors; return its pid.

    Raises:
        OSError: there is no room for a process.
    """
    high = max(liveness, spec, *_MAKER_FDS) + 1  # by way of a number that neither of them has
    return os.posix_spawn(
        sys.executable,
        [sys.executable, "-I", "-S", str(MAKER)],
        {},
        file_actions=[
            (os.POSIX_SPAWN_DUP2, spec, high),
            (os.POSIX_SPAWN_DUP2, liveness, _MAKER_FDS[0]),
            (os.POSIX_SPAWN_DUP2, high, _MAKER_FDS[1]),
            (os.POSIX_SPAWN_CLOSE, high),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
        setsid=True,  # a terminal's Ctrl-C is for the daemon
        setsigmask=(),
        setsigdef=_SIGNALS,
    )


def end_session(pid: int) -> None:
    """Kill a server that is not ready, or a maker that has ended, and what it has started. It is our child, and not reaped."""
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _test_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _TEST_VARIABLES if name in os.environ}

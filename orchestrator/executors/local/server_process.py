"""A spawn server as the daemon has it: its process, the socket where it is asked, and what it prints."""

import os
import signal
import socket
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from orchestrator.executors.local.executing import end_session, execute_server, greet
from orchestrator.executors.world import Runtime

log = structlog.stdlib.get_logger()

_MAX_OUTPUT_BYTES: Final = 65_536
_BUFFER_BYTES: Final = 1024 * 1024


@dataclass(eq=False, slots=True)
class Server:
    """One spawn server, and what it was asked for. `runtime` is None for the one that forks the shims of scripts that are executed."""

    runtime: Runtime | None
    pid: int
    pidfd: int
    requests: socket.socket
    output: int
    started_at: float
    used_at: float
    is_ready: bool
    # Runs whose shims have not begun, and when they were asked for.
    pending: dict[str, float] = field(default_factory=dict)
    took_s: float = 0.0  # to be made
    unsaid: bytes = b""  # the line that it has not ended yet
    last_line: str = ""

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):  # it has ended by itself
            signal.pidfd_send_signal(self.pidfd, signal.SIGKILL)

    def bury(self, how: int) -> None:
        """Take the end of its process (`how`: what waitid(2) waits for), hear its last words and close what was its."""
        self.requests.close()
        if not self.is_ready:
            end_session(self.pid)
        with suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self.pidfd, how)
        os.close(self.pidfd)
        self.hear()
        self._tell_line(self.unsaid)
        os.close(self.output)

    def hear(self) -> bool:
        """Log what it has printed, line by line: a preloaded module's words, or the trace of a bug. False: it says no more."""
        with suppress(BlockingIOError):
            said = os.read(self.output, _MAX_OUTPUT_BYTES)
            *lines, self.unsaid = (self.unsaid + said).split(b"\n")
            for line in lines:
                self._tell_line(line)
            if len(self.unsaid) > _MAX_OUTPUT_BYTES:
                self._tell_line(self.unsaid)
                self.unsaid = b""
            return bool(said)
        return True

    def _tell_line(self, line: bytes) -> None:
        if line.strip():
            self.last_line = line.decode(errors="replace")
            log.info("spawn_server_said", line=self.last_line, **named(self.runtime))


def begin(runtime: Runtime | None, notices: int, *, now: float) -> Server:
    """Start a server that says on the socket `notices` what happens.

    Raises:
        OSError: the system has no room for a process, or the interpreter cannot be executed.
    """
    with ExitStack() as undo, ExitStack() as theirs_too:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        undo.callback(ours.close)
        theirs_too.callback(theirs.close)
        reading, writing = os.pipe()
        undo.callback(os.close, reading)
        theirs_too.callback(os.close, writing)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        ours.setblocking(False)
        os.set_blocking(reading, False)
        greet(runtime, ours)
        pid = execute_server(runtime, theirs.fileno(), notices, writing)
        undo.callback(_reap, pid)
        pidfd = os.pidfd_open(pid)
        undo.pop_all()
    return Server(runtime, pid, pidfd, ours, reading, now, now, is_ready=runtime is None)


def named(runtime: Runtime | None) -> dict[str, object]:
    """Return what the log says of a runtime."""
    return {} if runtime is None else {"python": runtime.python, "preload": list(runtime.preload)}


def _reap(pid: int) -> None:
    """End a process that is our child and that nobody has waited for: the pid is still its own."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)

"""The spawn server's loop: a request is a fork. Loaded by spawn_server.py; standard library only."""

from __future__ import annotations

import _socket
import contextlib
import gc
import json
import os
import select
import signal
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

REQUESTS_FD = 3
NOTICES_FD = 4
OWN_FDS = (0, 1, 2, REQUESTS_FD, NOTICES_FD)
MAX_REQUEST_BYTES = 192 * 1024  # the default of net.core.wmem_max, less what the kernel adds
EXIT_FAILED = 1


class Notices:
    """What the daemon is told, by this process and those forked from it: `subject pid word more`."""

    def __init__(self, max_bytes: int) -> None:
        """Use the inherited socket."""
        self._socket = _socket.socket(fileno=NOTICES_FD)
        self._max_bytes = max_bytes

    def say(self, subject: str, word: str, more: object = "", pidfd: int | None = None) -> None:
        """Wait while the daemon does not read. Where it is gone, there is nobody to tell, and that is no trouble."""
        text = f"{subject} {os.getpid()} {word} {more}".encode(errors="replace")[: self._max_bytes]
        rights = [] if pidfd is None else [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, pidfd.to_bytes(4, sys.byteorder))]
        while True:
            try:
                self._socket.sendmsg([text], rights)
            except BlockingIOError:
                select.select([], [self._socket], [])
            except OSError:
                return
            else:
                return


class Server:
    """One thread, which forks for each request and collects those that end."""

    def __init__(
        self,
        shim: Any,
        title: Any,
        notices: Notices,
        *,
        execute: Callable[[dict[str, Any], Callable[[], None]], NoReturn] | None,
        is_stale: Callable[[], bool] | None,
    ) -> None:
        """Take what the forked processes will use, already imported."""
        self._shim = shim
        self._title = title
        self._notices = notices
        self._execute = execute
        self._is_stale = is_stale
        self._requests = _socket.socket(fileno=REQUESTS_FD)
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)

    def serve(self) -> None:
        """Serve until there can be no more requests."""
        wake = _watch_children()
        self._shim.boot_id()
        buffer = bytearray(MAX_REQUEST_BYTES)
        poll = select.poll()
        poll.register(REQUESTS_FD, select.POLLIN)
        poll.register(wake, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if wake in ready:
                os.read(wake, 4096)
                _reap()
            if REQUESTS_FD in ready:
                size = self._requests.recv_into(buffer)
                if size == 0:
                    return
                request = json.loads(memoryview(buffer)[:size].tobytes())
                self._fork(request["directory"], request["spec"])

    def _fork(self, directory: str, spec: dict[str, Any]) -> None:
        if self._is_stale is not None and self._is_stale():
            self._notices.say(spec["run_id"], "stale")
            return
        try:
            pid = os.fork()
        except OSError as error:
            self._notices.say(spec["run_id"], "unforked", error)
            return
        if pid == 0:
            code = EXIT_FAILED
            try:
                code = self._be_shim(directory, spec)
            finally:
                os._exit(code)

    def _be_shim(self, directory: str, spec: dict[str, Any]) -> int:
        """In the child: say who we are, leave behind what is the server's, and be the shim of the run."""
        shim = self._shim
        signal.set_wakeup_fd(-1)
        self._title.set_title([sys.executable, shim.__file__, directory], None)
        pidfd = os.pidfd_open(
            os.getpid()
        )  # our own: nobody else's process can be taken for us, whatever becomes of the pid
        self._notices.say(spec["run_id"], "begun", pidfd=pidfd)
        for descriptor in (0, 1, 2):
            os.dup2(self._null, descriptor)
        os.dup2(NOTICES_FD, shim.NOTICES_FD, inheritable=False)
        os.closerange(shim.NOTICES_FD + 1, shim.MAX_FD)
        code: int = shim.attend(directory, spec, self._execute)
        return code


def given_environment() -> dict[str, str]:
    """Return the environment that the daemon gave to this template, which the interpreter's own launcher may have changed."""
    given: dict[str, str] = json.loads(os.read(REQUESTS_FD, MAX_REQUEST_BYTES))
    return given


def freeze() -> None:
    """Keep what is shared with the forked processes shared: no collection shall ever write to it."""
    gc.collect()
    gc.freeze()
    gc.disable()


def resident_bytes() -> int:
    """Return how much memory this process holds."""
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _watch_children() -> int:
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return reading


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass

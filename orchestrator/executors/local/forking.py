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
    from collections.abc import Callable, Iterable
    from typing import Any, NoReturn

    Request = dict[str, Any]

NOTICES_FD = 3
REQUESTS_FD = 4
OWN_FDS = (0, 1, 2, NOTICES_FD, REQUESTS_FD)
MAX_REQUEST_BYTES = 192 * 1024  # the default of net.core.wmem_max, less what the kernel adds
EXIT_FAILED = 1


class Notices:
    """What the daemon is told, by this process and those forked from it: `subject pid word more`."""

    def __init__(self, max_bytes: int) -> None:
        """Use the inherited socket."""
        self._socket = _socket.socket(fileno=NOTICES_FD)
        self._max_bytes = max_bytes

    def say(self, subject: str, word: str, more: object = "", descriptors: Iterable[int] = ()) -> None:
        """Wait while the daemon does not read. Where it is gone, there is nobody to tell, and that is no trouble."""
        text = f"{subject} {os.getpid()} {word} {more}".encode(errors="replace")[: self._max_bytes]
        numbers = b"".join(descriptor.to_bytes(4, sys.byteorder) for descriptor in descriptors)
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, numbers)] if numbers else []
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
        self._buffer = bytearray(MAX_REQUEST_BYTES)
        self._null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)

    def serve(self) -> None:
        """Serve until there can be no more requests."""
        wake = _watch_children()
        self._shim.boot_id()
        poll = _poll(wake)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if wake in ready:
                os.read(wake, 4096)
                _reap()
            if REQUESTS_FD in ready:
                request = self._read_request()
                if request is None:
                    return
                self._shim.reach("server.asked")
                self._fork(request)

    def _read_request(self) -> Request | None:
        size = self._requests.recv_into(self._buffer)
        return json.loads(memoryview(self._buffer)[:size].tobytes()) if size else None

    def _fork(self, request: Request) -> None:
        if self._is_refused(request):
            return
        try:
            pid = os.fork()
        except OSError as error:
            self._notices.say(request["spec"]["run_id"], "unforked", error)
            return
        if pid == 0:
            code = EXIT_FAILED
            try:
                code = self._be_shim(request)
            finally:
                os._exit(code)
        self._shim.reach("server.forked")

    def _is_refused(self, request: Request) -> bool:
        """Say whether what was imported is not what the run would import now; the daemon is told."""
        is_stale = self._is_stale is not None and self._is_stale()
        if is_stale:
            self._notices.say(request["spec"]["run_id"], "stale")
        return is_stale

    def _be_shim(self, request: Request) -> int:
        """In the child: say who we are, leave behind what is the server's, and be the shim of one run after the other."""
        signal.set_wakeup_fd(-1)
        ours, theirs = (end.detach() for end in _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET))
        os.set_blocking(ours, False)
        pidfd = os.pidfd_open(os.getpid())  # nobody else's process can be taken for us, whatever becomes of the pid
        self._show(request["directory"])
        self._shim.reach("server.child")
        self._notices.say(request["spec"]["run_id"], "begun", descriptors=(pidfd, theirs))
        for descriptor in (0, 1, 2):
            os.dup2(self._null, descriptor)
        os.dup2(ours, REQUESTS_FD, inheritable=False)
        os.set_inheritable(NOTICES_FD, False)
        os.closerange(REQUESTS_FD + 1, self._shim.MAX_FD)
        wake = self._shim.become_shim()
        while True:
            code: int = self._shim.attend(request["directory"], wake, request["spec"], self._execute)
            following = self._wait_for_request(wake) if code == 0 else None
            if following is None or self._is_refused(following):
                return code
            request = following
            self._show(request["directory"])

    def _show(self, *directory: str) -> None:
        """Let the kernel show whose shim this is."""
        self._title.set_title([sys.executable, self._shim.__file__, *directory], None)

    def _wait_for_request(self, wake: int) -> Request | None:
        """Wait until the daemon has another run, or for the end: of the daemon, of its need of us, or by a signal."""
        os.chdir("/")
        self._show()
        poll = _poll(wake)
        while True:
            poll.poll()
            try:
                request, is_asked = self._read_request(), True
            except BlockingIOError:
                request, is_asked = None, False
            with contextlib.suppress(BlockingIOError):
                # Looked at last: a stop of the run before was sent before this request, and has arrived by now.
                if signal.SIGTERM in os.read(wake, 4096):
                    return None
            if is_asked:
                return request


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


def _poll(wake: int) -> select.poll:
    poll = select.poll()
    poll.register(REQUESTS_FD, select.POLLIN)
    poll.register(wake, select.POLLIN)
    return poll


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

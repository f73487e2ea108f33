"""A template that is made only to see whether it can be, for `orchestrator check`."""

import os
import select
import socket
import time
from typing import Final

from orchestrator.executors.local.executing import end_session, execute_server, greet
from orchestrator.executors.world import Runtime

WITHIN_S: Final = 60.0
_MAX_NOTICE_BYTES: Final = 4096
_MAX_OUTPUT_BYTES: Final = 65_536


def refusal(runtime: Runtime, within_s: float = WITHIN_S) -> str | None:
    """Make a template and end it; return why its runs would start cold, or None. Blocks while modules are imported."""
    requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    notices, notices_theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    output, writing = os.pipe()
    os.set_blocking(output, False)
    try:
        greet(runtime, requests)
        pid = execute_server(runtime, theirs.fileno(), notices_theirs.fileno(), writing)
    except OSError as error:
        return f"{runtime.python} cannot be executed: {error.strerror}"
    else:
        for end in (theirs, notices_theirs):
            end.close()  # what is left is the template's own: where it ends, so do they
        os.close(writing)
        writing = -1
        try:
            return _verdict(notices, output, within_s)
        finally:
            end_session(pid)
            os.waitpid(pid, 0)
    finally:
        for end in (requests, theirs, notices, notices_theirs):
            end.close()
        for descriptor in {output, writing} - {-1}:
            os.close(descriptor)


def _verdict(notices: socket.socket, output: int, within_s: float) -> str | None:
    """Return what the template says of itself; what it prints meanwhile is kept for the case that it says nothing."""
    poll = select.poll()
    poll.register(notices, select.POLLIN)
    poll.register(output, select.POLLIN)
    deadline = time.monotonic() + within_s
    printed = b""
    while True:
        ready = [descriptor for descriptor, _ in poll.poll(max(0.0, deadline - time.monotonic()) * 1000)]
        if not ready:
            return f"its imports did not end within {within_s:.0f} s"
        if output in ready:
            said = os.read(output, _MAX_OUTPUT_BYTES)
            printed = (printed + said)[-_MAX_OUTPUT_BYTES:]
            if not said:
                poll.unregister(output)
        if notices.fileno() in ready:
            notice = notices.recv(_MAX_NOTICE_BYTES).decode(errors="replace")
            if not notice:
                last = printed.decode(errors="replace").strip().rpartition("\n")[2]
                return f"the interpreter ended before it was ready{f': {last}' if last else ''}"
            _, _, word, more = notice.split(" ", 3)
            return None if word == "ready" else more

"""Calls of the daemon over raw keep-alive connections: an SDK takes more for a call than the daemon does."""

import contextlib
import json
import os
import select
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from tests.benchmarks.household import BenchmarkError
from tests.support.wire import request

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_READ_BYTES: Final = 262_144
_PATIENCE_S: Final = 70.0


class Connection:
    """One connection with at most one call under way."""

    def __init__(self, port: int) -> None:
        """Connect."""
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._answer = b""

    def __enter__(self) -> Self:
        """Lend it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.socket.close()

    def call(self, action: str, members: Mapping[str, Any]) -> dict[str, Any]:
        """Call an action that must succeed; return the answer's members."""
        return self.exchange(request(json.dumps(members).encode(), target=f"AWSGlue.{action}"))

    def get(self, path: str) -> dict[str, Any]:
        """GET a plain route."""
        return self.exchange(request(b"", method="GET", path=path, target=None, content_type=None, content_length=None))

    def exchange(self, data: bytes) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        self.socket.sendall(data)
        while (answer := self.read()) is None:
            pass
        return parsed(answer)

    def read(self) -> tuple[int, bytes] | None:
        """Take in what has come; return status and body, or None while the answer is not whole.

        Raises:
            BenchmarkError: the daemon closed the connection.
        """
        data = self.socket.recv(_READ_BYTES)
        if not data:
            message = "the daemon closed a connection"
            raise BenchmarkError(message)
        answer = self._answer = self._answer + data
        end = answer.find(_HEAD_END)
        if end < 0:
            return None
        at = answer.lower().index(_LENGTH, 0, end + 2) + len(_LENGTH)
        whole = end + len(_HEAD_END) + int(answer[at : answer.index(b"\r", at)])
        if len(answer) < whole:
            return None
        self._answer = b""
        return int(answer[9:12]), answer[end + len(_HEAD_END) : whole]


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """What came of many calls."""

    answers: Sequence[dict[str, Any]]
    seconds: float  # first request to last answer


def start_runs(port: int, members: Mapping[str, Any], *, count: int, connections: int = 8) -> Burst:
    """Start so many runs of a job as fast as they are acknowledged."""
    return _burst(port, members, connections, count)


def parsed(answer: tuple[int, bytes]) -> dict[str, Any]:
    """Return the members of an answer.

    Raises:
        BenchmarkError: the call was refused.
    """
    status, body = answer
    if status != 200:
        message = f"the daemon answered {status}: {body.decode()}"
        raise BenchmarkError(message)
    members: dict[str, Any] = json.loads(body)
    return members


def _burst(port: int, members: Mapping[str, Any], connections: int, count: int) -> Burst:
    answers: list[tuple[int, bytes]] = []
    with contextlib.ExitStack() as stack:
        poll = stack.enter_context(contextlib.closing(select.epoll()))
        idle = [stack.enter_context(Connection(port)) for _ in range(connections)]
        busy: dict[int, Connection] = {}
        for connection in idle:
            poll.register(connection.socket, select.EPOLLIN)
        head, tail = _spelled(members)
        sent, begun_s = 0, time.monotonic()
        while True:
            while idle and sent < count:
                connection = idle.pop()
                connection.socket.sendall(head + os.urandom(16).hex().encode() + tail)
                busy[connection.socket.fileno()] = connection
                sent += 1
            if not busy:
                break
            for number, _ in poll.poll(_PATIENCE_S):
                answer = busy[number].read()
                if answer is not None:
                    answers.append(answer)
                    idle.append(busy.pop(number))
        spent_s = time.monotonic() - begun_s
    return Burst(answers=[parsed(answer) for answer in answers], seconds=spent_s)


def _spelled(members: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Return what stands before and behind the id of a call, which an SDK makes anew for each."""
    body = json.dumps(members).encode()
    whole = request(body, target="AWSGlue.StartJobRun", amz_sdk_invocation_id="*")
    head, _, tail = whole.partition(b"*")
    return head, tail

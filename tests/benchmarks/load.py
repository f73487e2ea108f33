"""Load on a daemon: keep-alive connections that each send StartJobRun, wait for its answer and send the next.

One process with one thread, plain sockets and requests that are spelled ahead: it takes a tenth of the daemon's CPU, so
what it counts is the daemon. An SDK takes more for a call than the daemon does.

    python tests/benchmarks/load.py --port 4583 --job sleeper --connections 8 --seconds 5
"""

import argparse
import contextlib
import json
import os
import select
import socket
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final

_HEAD_END: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_READ_BYTES: Final = 65_536
_PATIENCE_S: Final = 30.0
_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a load came to."""

    acknowledged: int  # answers with status 200
    refused: int  # all others
    seconds: float  # first request to last answer
    per_second: float  # acknowledged
    p50_ms: float
    p99_ms: float
    generator_cpu_s: float


class _Client:
    """One connection with at most one call under way."""

    def __init__(self, port: int, head: bytes, tail: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sent_at_s = 0.0
        self._head, self._tail = head, tail
        self._answer = b""

    def send(self) -> None:
        """Send one call, under an id of its own."""
        self.sent_at_s = time.monotonic()
        self.socket.sendall(self._head + os.urandom(_ID_BYTES).hex().encode() + self._tail)

    def read(self) -> bytes | None:
        """Return the status that answers the call, or None while the answer is not whole."""
        data = self.socket.recv(_READ_BYTES)
        if not data:
            message = "the daemon closed a connection"
            raise ConnectionError(message)
        answer = self._answer + data
        end = answer.find(_HEAD_END)
        if end >= 0:
            at = answer.lower().index(_LENGTH, 0, end + 2) + len(_LENGTH)
            if len(answer) >= end + len(_HEAD_END) + int(answer[at : answer.index(b"\r", at)]):
                self._answer = b""
                return answer[9:12]
        self._answer = answer
        return None


def start_job_runs(
    port: int, members: dict[str, object], *, connections: int, seconds: float, most: int = 0
) -> Figures:
    """Start runs of a job as fast as they are acknowledged, for so long, or until there are `most` of them."""
    head, tail = _request(members)
    with contextlib.ExitStack() as stack:
        clients = [_Client(port, head, tail) for _ in range(connections)]
        poll = stack.enter_context(contextlib.closing(select.epoll()))
        by_number = {}
        for client in clients:
            stack.enter_context(client.socket)
            poll.register(client.socket, select.EPOLLIN)
            by_number[client.socket.fileno()] = client
        return _drive(by_number, poll, seconds=seconds, most=most)


def _drive(clients: dict[int, _Client], poll: select.epoll, *, seconds: float, most: int) -> Figures:
    started_s, cpu_before_s = time.monotonic(), time.process_time()
    until_s = started_s + seconds
    took_s: list[float] = []
    refused = sent = 0
    for client in clients.values():
        client.send()
        sent += 1
    under_way = len(clients)
    while under_way:
        ready = poll.poll(_PATIENCE_S)
        if not ready:
            message = f"no answer for {_PATIENCE_S:g} s"
            raise TimeoutError(message)
        for number, _ in ready:
            client = clients[number]
            status = client.read()
            if status is None:
                continue
            now_s = time.monotonic()
            if status == b"200":
                took_s.append(now_s - client.sent_at_s)
            else:
                refused += 1
            if now_s < until_s and (not most or sent < most):
                client.send()
                sent += 1
            else:
                under_way -= 1
    spent_s = time.monotonic() - started_s
    took_s.sort()
    return Figures(
        acknowledged=len(took_s),
        refused=refused,
        seconds=round(spent_s, 3),
        per_second=round(len(took_s) / spent_s, 1),
        p50_ms=round(_quantile(took_s, 0.50) * 1000, 2),
        p99_ms=round(_quantile(took_s, 0.99) * 1000, 2),
        generator_cpu_s=round(time.process_time() - cpu_before_s, 3),
    )


def _request(members: dict[str, object]) -> tuple[bytes, bytes]:
    """Return what stands before and behind the id of a call; the headers are those that an SDK sends."""
    body = json.dumps(members).encode()
    head = (
        "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept-Encoding: identity\r\nX-Amz-Target: AWSGlue.StartJobRun\r\n"
        "Content-Type: application/x-amz-json-1.1\r\nUser-Agent: load\r\nX-Amz-Date: 20260101T000000Z\r\n"
        f"Authorization: AWS4-HMAC-SHA256 {'x' * 180}\r\nContent-Length: {len(body)}\r\namz-sdk-request: attempt=1\r\n"
        "amz-sdk-invocation-id: "
    )
    return head.encode(), _HEAD_END + body


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0


def main() -> None:
    """Make the load that the flags ask for, and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--job", required=True)
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--most", type=int, default=0, help="no more calls than these; 0: no limit")
    parser.add_argument("--members", type=json.loads, default={}, help="more members of the request, as JSON")
    flags = parser.parse_args()
    figures = start_job_runs(
        flags.port,
        {"JobName": flags.job, **flags.members},
        connections=flags.connections,
        seconds=flags.seconds,
        most=flags.most,
    )
    json.dump(asdict(figures), sys.stdout)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()

"""A webhook's receiver: a real HTTP server that writes down what it gets, and answers as it was told to."""

import json
import ssl
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from tests.support.daemon import free_port
from tests.support.waiting import until

_HELD_FOR_S: Final = 30
_DRIP_S: Final = 0.05


@dataclass(frozen=True, slots=True)
class Received:
    """One request: its path, its headers (lower case) and its body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        """The body as JSON."""
        event: dict[str, Any] = json.loads(self.body)
        return event


Behaviour = Callable[["_Handler"], None]


def status(code: int, **headers: str) -> Behaviour:
    """Answer with a status and a short body."""

    def answer(handler: "_Handler") -> None:
        handler.send_response(code)
        for name, value in {**headers, "Content-Length": "3"}.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(b"ok\n")

    return answer


def raw(data: bytes) -> Behaviour:
    """Answer with these bytes, whatever they are; with none, close the connection without a word."""
    return lambda handler: handler.say(data)


def when(condition: Callable[[], bool], behaviour: Behaviour) -> Behaviour:
    """Wait for a condition first."""

    def answer(handler: "_Handler") -> None:
        until(condition, what="what an answer waits for")
        behaviour(handler)

    return answer


def hang(handler: "_Handler") -> None:
    """Say nothing for as long as there is somebody who waits for it."""
    handler.hold()


def drip(head: bytes = b"HTTP/1.1 200 OK\r\nx: ", more: bytes = b"y") -> Behaviour:
    """Answer with `head`, and then `more` again and again: each byte comes in time, the end never does."""

    def answer(handler: "_Handler") -> None:
        handler.say(head)
        while not handler.is_over(_DRIP_S):
            handler.say(more)

    return answer


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def do_POST(self) -> None:
        """Write the request down and answer it."""
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.server.receiver.take(Received(self.path, headers, body))
        self.close_connection = True
        try:
            answer(self)
        except OSError:  # the client has gone
            return

    def do_GET(self) -> None:
        """Be told that somebody followed a redirect."""
        self.do_POST()

    def say(self, data: bytes) -> None:
        """Send bytes at once."""
        self.wfile.write(data)
        self.wfile.flush()

    def is_over(self, within_s: float) -> bool:
        """Say whether the receiver ends within a time."""
        return self.server.receiver.over.wait(within_s)

    def hold(self) -> None:
        """Wait for the client to go, or for the receiver to end."""
        self.connection.settimeout(_DRIP_S)
        for _ in range(int(_HELD_FOR_S / _DRIP_S)):
            try:
                if self.is_over(0) or not self.connection.recv(1):
                    return
            except TimeoutError:
                continue

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    receiver: "Receiver"

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that goes in a TLS handshake, say."""


class Receiver:
    """A server on a port of its own. `answers` are used up one by one; behind them each request is answered 200."""

    def __init__(self, *answers: Behaviour, certificate: tuple[Path, Path] | None = None) -> None:
        """Serve, with TLS where there is a certificate (and its key)."""
        self.port = free_port()
        self.received: list[Received] = []
        self.over = threading.Event()
        self._answers = deque(answers)
        self._certificate = certificate
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        """The address to post to."""
        return f"{'https' if self._certificate else 'http'}://localhost:{self.port}/hook?a=b"

    @property
    def ids(self) -> list[str]:
        """The ids of the notices, in the order in which they came."""
        return [one.headers["webhook-id"] for one in self.received]

    def then(self, *answers: Behaviour) -> None:
        """Answer the next requests so."""
        with self._lock:
            self._answers.extend(answers)

    def take(self, request: Received) -> Behaviour:
        """Write a request down; return how to answer it."""
        with self._lock:
            self.received.append(request)
            return self._answers.popleft() if self._answers else status(200)

    def wait_for(self, count: int, *, within_s: float = 20) -> list[Received]:
        """Wait until so many requests have come; return all that have."""
        until(lambda: len(self.received) >= count, within_s=within_s, what=f"{count} notices")
        return list(self.received)

    def __enter__(self) -> Self:
        """Begin to serve."""
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.receiver = self
        if self._certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self._certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End, and with it every request under way."""
        self.over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

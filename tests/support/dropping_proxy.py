"""A proxy in front of a daemon that hands requests on and drops the connection instead of handing the answers back."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support import wire


@dataclass(slots=True)
class DroppingProxy:
    """What the proxy has seen."""

    port: int
    drops: int  # how many answers to swallow before it lets them through
    requests: list[bytes] = field(default_factory=list)
    answers: list[wire.Answer] = field(default_factory=list)

    @property
    def endpoint_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@contextlib.contextmanager
def dropping_proxy(daemon_port: int, *, drops: int) -> Iterator[DroppingProxy]:
    """Lend a proxy that drops the connection for the first `drops` requests after the daemon has answered them."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = DroppingProxy(server.getsockname()[1], drops)

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # closed: the test is over
                    return
                with connection:
                    _serve_one(proxy, connection, daemon_port)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(timeout=10)


def _serve_one(proxy: DroppingProxy, connection: socket.socket, daemon_port: int) -> None:
    request = _read_request(connection)
    if not request:
        return
    proxy.requests.append(request)
    answer = wire.exchange(daemon_port, request)
    proxy.answers.append(answer)
    if proxy.drops:
        proxy.drops -= 1
        return
    head = f"HTTP/1.1 {answer.status} X\r\nContent-Length: {len(answer.body)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + answer.body)


def _read_request(connection: socket.socket) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(65_536)
        if not part:
            return b""
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body

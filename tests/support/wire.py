"""Plain sockets to the daemon: for requests that no client library would send."""

import contextlib
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

TIMEOUT_S: Final = 10
JSON_1_1: Final = "application/x-amz-json-1.1"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer, as it came over the wire."""

    status: int
    headers: Mapping[str, str]  # names in lower case
    body: bytes

    @property
    def members(self) -> dict[str, Any]:
        """Return the body's members."""
        members: dict[str, Any] = json.loads(self.body)
        return members


def connect(port: int) -> socket.socket:
    """Connect to a port of this machine; reads time out."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def request(
    body: bytes = b"{}",
    *,
    target: str | None = "AWSGlue.ListJobs",
    method: str = "POST",
    path: str = "/",
    **headers: str | None,
) -> bytes:
    """Spell a request; a header (with `_` for `-`) replaces a standard one, and None leaves it out."""
    standard = {
        "Host": "127.0.0.1",
        "Content-Type": JSON_1_1,
        "X-Amz-Target": target,
        "Content-Length": str(len(body)),
    }
    given = {name.replace("_", "-").title(): value for name, value in headers.items()}
    lines = [f"{name}: {value}" for name, value in {**standard, **given}.items() if value is not None]
    return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode("latin-1") + body


def read_answer(connection: socket.socket) -> Answer:
    """Read one answer, whose length must be told."""
    with contextlib.closing(connection.makefile("rb")) as file:
        status = int(file.readline().split()[1])
        headers = {}
        while line := file.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return Answer(status, headers, file.read(int(headers["content-length"])))


def exchange(port: int, data: bytes) -> Answer:
    """Send bytes on a new connection and read the answer to them."""
    with connect(port) as connection:
        with contextlib.suppress(ConnectionError):  # refused before all was read; the answer says why
            connection.sendall(data)
        return read_answer(connection)

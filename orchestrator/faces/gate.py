"""The gate in front of every route: who may come in, with which headers, with how large a body.

An ASGI wrapper without a framework, because every call passes it. A refusal is an answer of Glue's shape, never a
dropped connection: SDKs send those again.
"""

import time
import uuid
from collections.abc import Collection
from email.utils import formatdate
from functools import lru_cache
from itertools import chain
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.faces.doors import Doors
from orchestrator.model.errors import RequestError
from orchestrator.wire.actions import CONTENT_TYPE
from orchestrator.wire.errors import (
    AccessDeniedError,
    BodyTooLargeError,
    HeadersTooLargeError,
    ShuttingDownError,
    to_wire,
)

MAX_HEADER_BYTES: Final = 16 * 1024
LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_UNTOLD: Final = AccessDeniedError.peer()  # of a connection that nobody has looked at


class Gate:
    """Lets in who may come in."""

    def __init__(self, app: ASGIApp, *, doors: Doors, hosts: Collection[str], max_body_bytes: int) -> None:
        """Guard `app` behind `doors`; `hosts` are served beside the loopback names."""
        self._app = app
        self.doors: Final = doors
        self._hosts = LOOPBACK_HOSTS | {host.lower() for host in hosts}
        self._max_body_bytes = max_body_bytes
        self.is_closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        bounded = _Bounded(receive, self._max_body_bytes)
        try:
            self._check(scope, headers)
            await self._app(scope, bounded.receive, send)
        except RequestError as error:
            await refuse(send, error)

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        if self.is_closing:
            raise ShuttingDownError
        refusal = scope["state"].get("refusal", _UNTOLD)
        if refusal is not None:
            raise refusal
        # The server's own limit holds only for headers that come in pieces.
        if sum(map(len, chain.from_iterable(scope["headers"]))) > MAX_HEADER_BYTES:
            raise HeadersTooLargeError(MAX_HEADER_BYTES)
        if b"host" not in headers:
            raise AccessDeniedError.host(None)
        host = headers[b"host"].decode("latin-1")
        if _without_port(host) not in self._hosts:
            raise AccessDeniedError.host(host)
        if b"origin" in headers:
            raise AccessDeniedError.origin(headers[b"origin"].decode("latin-1"))
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > self._max_body_bytes:
            raise BodyTooLargeError(self._max_body_bytes)


class _Bounded:
    """Counts a body that does not say its length."""

    def __init__(self, receive: Receive, limit_bytes: int) -> None:
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._seen_bytes = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._seen_bytes += len(message.get("body", b""))
            if self._seen_bytes > self._limit_bytes:
                raise BodyTooLargeError(self._limit_bytes)
        return message


async def refuse(send: Send, error: BaseException) -> None:
    """Answer with an error of Glue's shape, and close the connection: its body may not have been read."""
    wire = to_wire(error)
    headers = [
        (b"content-type", CONTENT_TYPE.encode()),
        (b"content-length", str(len(wire.body)).encode()),
        (b"connection", b"close"),
        (b"x-amzn-requestid", str(uuid.uuid4()).encode()),
        (b"date", http_date(int(time.time()))),
    ]
    await send({"type": "http.response.start", "status": wire.status, "headers": headers})
    await send({"type": "http.response.body", "body": wire.body})


@lru_cache(maxsize=1)
def http_date(epoch_s: int) -> bytes:
    """Return a time as the header Date has it."""
    return formatdate(epoch_s, usegmt=True).encode()


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower()

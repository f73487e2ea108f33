"""The gate in front of every route: who may come in, with which headers, with how large a body.

An ASGI wrapper without a framework, because every call passes it. A refusal is an answer of Glue's shape, never a
dropped connection: SDKs send those again.
"""

import time
import uuid
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from itertools import chain
from typing import Final

import anyio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from orchestrator.faces import signatures
from orchestrator.faces.doors import Doors
from orchestrator.faces.sigv4 import AccessKey, Request
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
_SEPARATORS_BYTES: Final = 4  # ": " and the line's end
_HEARD_OUT_S: Final = 0.5
CONSOLE_CALL: Final = "/console/call"
"""The one route that a web page may call, and that page must be our own. What is only read, it may read."""
_ELSEWHERE: Final = frozenset({b"cross-site", b"same-site"})
LOOPBACK_HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
_UNTOLD: Final = AccessDeniedError.peer()  # of a connection that nobody has looked at


class Gate:
    """Lets in who may come in."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        doors: Doors,
        hosts: Collection[str],
        max_body_bytes: int,
        keys: Mapping[str, AccessKey],
        now_ms: Callable[[], int],
        open_paths: Collection[str] = (),
    ) -> None:
        """Guard `app` behind `doors`; `hosts` are served beside the loopback names.

        What is at `open_paths` may be read by every user of this machine. Where there are `keys`, each request must be signed with one of them, unless it comes over the Unix socket.
        """
        self._app = app
        self._keys = keys
        self._now_ms = now_ms
        self.doors: Final = doors
        self._hosts = LOOPBACK_HOSTS | {host.lower() for host in hosts}
        self._max_body_bytes = max_body_bytes
        self._open_paths = frozenset(open_paths)
        self.is_closing = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or hand it on."""
        if scope["type"] != "http":
            return
        headers = dict(scope["headers"])
        bounded = _Bounded(receive, self._max_body_bytes)
        try:
            self._check(scope, headers)
            if not self._keys or scope["state"].get("is_unix", False) or self._is_open(scope):
                await self._app(scope, bounded.receive, send)
                return
            body = await whole_body(bounded.receive)
            if body is not None:
                signatures.check(
                    _as_signed(scope, body), self._keys, datetime.fromtimestamp(self._now_ms() / 1000, UTC)
                )
                await self._app(scope, _Reread(body, receive).receive, send)
        except RequestError as error:
            if not (self.is_closing or isinstance(error, BodyTooLargeError) or b"expect" in headers):
                await _hear_out(bounded.receive)
            await refuse(send, error)

    def _check(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        if self.is_closing:
            raise ShuttingDownError
        refusal = scope["state"].get("refusal", _UNTOLD)
        if refusal is not None and not (isinstance(refusal, AccessDeniedError) and self._is_open(scope)):
            raise refusal
        # The server's own limit holds only for a head that comes in pieces.
        if _head_bytes(scope) > MAX_HEADER_BYTES:
            raise HeadersTooLargeError(MAX_HEADER_BYTES)
        if b"host" not in headers:
            raise AccessDeniedError.host(None)
        host = headers[b"host"].decode("latin-1")
        if _without_port(host) not in self._hosts:
            raise AccessDeniedError.host(host)
        if headers.get(b"sec-fetch-site") in _ELSEWHERE and not _is_visit(scope, headers):
            raise AccessDeniedError.site()
        if b"origin" in headers and not _is_our_page(scope, headers[b"origin"], headers[b"host"]):
            raise AccessDeniedError.origin(headers[b"origin"].decode("latin-1"))
        length = headers.get(b"content-length", b"0")
        if not length.isdigit() or int(length[:20]) > self._max_body_bytes:
            raise BodyTooLargeError(self._max_body_bytes)

    def _is_open(self, scope: Scope) -> bool:
        return scope["path"] in self._open_paths and scope["method"] == "GET"


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


class _Reread:
    """Gives a body that was read already, and then what else comes."""

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def receive(self) -> Message:
        if self._body is None:
            return await self._receive()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}


async def whole_body(receive: Receive) -> bytes | None:
    """Read a body to its end; None if the caller went in the middle of it."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)


async def _hear_out(receive: Receive) -> None:
    """Read what a caller is about to send: one whose connection is closed meanwhile may never see why."""
    with anyio.move_on_after(_HEARD_OUT_S), suppress(RequestError):
        await whole_body(receive)


def _as_signed(scope: Scope, body: bytes) -> Request:
    return Request(
        method=scope["method"],
        path=scope["raw_path"].decode("latin-1"),
        query=scope["query_string"].decode("latin-1"),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        body=body,
    )


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


def _head_bytes(scope: Scope) -> int:
    """Return how long the request's head was: its first line, and each header with its colon and its end."""
    headers = scope["headers"]
    line = len(scope["method"]) + len(scope["raw_path"]) + len(scope["query_string"])
    return line + sum(map(len, chain.from_iterable(headers))) + _SEPARATORS_BYTES * (len(headers) + 2)


def _is_visit(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    """Say whether somebody follows a link to the console; all else that a browser asks for another page is that page's doing."""
    return scope["path"] == "/" and headers.get(b"sec-fetch-mode") == b"navigate"


def _is_our_page(scope: Scope, origin: bytes, host: bytes) -> bool:
    """Say whether a page that we sent, perhaps by a proxy with https, asks for what it may.

    Some browsers name the origin with the modules that a page loads, too.
    """
    may_ask = scope["method"] == "GET" or scope["path"] == CONSOLE_CALL
    return may_ask and origin.lower() in (b"http://" + host.lower(), b"https://" + host.lower())


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdecimal() else host).lower()

"""One POST over a connection of its own: no redirects, no proxies, of the answer no more than its beginning.

It runs in the event loop, so that cancelling it ends it wherever it is. Only the look-up of a name cannot be interrupted;
it has a thread for which nobody waits, not even the end of the process.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Final

import anyio
import httptools
from anyio.abc import ByteStream
from anyio.streams.tls import TLSStream

_MAX_HEAD_BYTES: Final = 65_536
_MAX_BODY_BYTES: Final = 65_536
_KEPT_BODY_BYTES: Final = 500
_BODY_WITHIN_S: Final = 1.0
"""The status says all; the rest is read so that a server does not find its client gone, and for the log."""
_MAX_ADDRESSES: Final = 4
_CONNECT_WITHIN_S: Final = 5.0
"""For each of a host's addresses but the last: one that does not answer shall leave time for the others."""


class PostError(Exception):
    """There was no answer; the sentence says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where to post. `authority` is the host as it stands in the address, and in the Host header; `tls` is None for http."""

    host: str
    port: int
    authority: str
    path: str
    tls: ssl.SSLContext | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, and the beginning of its body."""

    status: int
    body: bytes


async def post(target: Target, headers: Mapping[str, str], body: bytes) -> Answer:
    """Post and return the answer. The caller bounds how long it takes.

    Raises:
        PostError: the host cannot be reached, is not who it says (TLS), or does not answer in HTTP.
    """
    try:
        stream = await _connect(target)
        try:
            await stream.send(_head(target, headers, len(body)) + body)
            return await _answer(stream)
        finally:
            await anyio.aclose_forcefully(stream)
    except (anyio.BrokenResourceError, anyio.EndOfStream, anyio.ClosedResourceError):
        raise PostError("the webhook has closed the connection without an answer") from None
    except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
        raise PostError("the webhook's answer is no HTTP") from error
    except ssl.SSLCertVerificationError as error:
        raise PostError(f"the webhook's certificate is refused: {error.verify_message}") from error
    except (OSError, UnicodeError) as error:
        raise PostError(f"the webhook cannot be reached: {_reason(error)}") from error


async def _connect(target: Target) -> ByteStream:
    stream = await _connect_any((await _look_up(target.host, target.port))[:_MAX_ADDRESSES], target.port)
    if target.tls is None:
        return stream
    try:
        return await TLSStream.wrap(
            stream, hostname=target.host, ssl_context=target.tls, server_side=False, standard_compatible=False
        )
    except BaseException:
        await anyio.aclose_forcefully(stream)
        raise


async def _connect_any(addresses: Sequence[str], port: int) -> ByteStream:
    *others, last = addresses
    for address in others:
        with suppress(OSError), anyio.fail_after(_CONNECT_WITHIN_S):  # which TimeoutError is, too
            return await anyio.connect_tcp(address, port)
    return await anyio.connect_tcp(last, port)


async def _look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a host."""
    loop = asyncio.get_running_loop()
    found: asyncio.Future[list[str]] = loop.create_future()

    def settle(addresses: list[str], error: Exception | None) -> None:
        if found.done():
            return
        if error is None:
            found.set_result(addresses)
        else:
            found.set_exception(error)

    def look() -> None:
        addresses: list[str] = []
        problem: Exception | None = None
        try:
            addresses = [str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
        except (OSError, UnicodeError) as error:
            problem = error
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(settle, addresses, problem)

    Thread(target=look, name="look-up", daemon=True).start()
    return await found


def _head(target: Target, headers: Mapping[str, str], length: int) -> bytes:
    fixed = {"host": target.authority, "content-length": str(length), "connection": "close"}
    lines = [f"POST {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in {**fixed, **headers}.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii")


class _Reader:
    """What the parser calls."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.body = bytearray()
        self.is_complete = False

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if status >= 200:  # before that there may be others: 100 Continue, 103 Early Hints
            self.status = status

    def on_body(self, data: bytes) -> None:
        self.body += data[: max(_KEPT_BODY_BYTES - len(self.body), 0)]

    def on_message_complete(self) -> None:
        self.is_complete = self.status != 0


async def _answer(stream: ByteStream) -> Answer:
    reader = _Reader()
    count = 0
    while not reader.status:
        count += await _feed(reader, stream)
        if count > _MAX_HEAD_BYTES and not reader.status:
            raise PostError("the head of the webhook's answer is too long")
    with suppress(anyio.BrokenResourceError, anyio.EndOfStream, OSError), anyio.move_on_after(_BODY_WITHIN_S):
        while not reader.is_complete and count < _MAX_BODY_BYTES:
            count += await _feed(reader, stream)
    return Answer(reader.status, bytes(reader.body))


async def _feed(reader: _Reader, stream: ByteStream) -> int:
    """Read once; return how much it was."""
    data = await stream.receive()
    try:
        reader.parser.feed_data(data)
    except httptools.HttpParserError:
        if not reader.status:
            raise
        reader.is_complete = True  # what the body is wrong with is nothing to us
    return len(data)


def _reason(error: Exception) -> str:
    """Return what the system says, without the addresses that asyncio adds."""
    if isinstance(error, UnicodeError):
        return "its host cannot be a name"
    cause = error.__cause__
    if isinstance(cause, OSError):  # anyio's own sentence says less
        error = cause
    if isinstance(error, OSError) and error.errno is not None and error.errno > 0:
        return error.strerror or "" if isinstance(error, ssl.SSLError) else os.strerror(error.errno)
    return (error.strerror if isinstance(error, OSError) else None) or str(error)

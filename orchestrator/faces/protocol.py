"""One connection of the HTTP face: uvicorn's protocol on llhttp, with what it lets through and we do not.

The parser reads ahead, so a mistake may follow requests that are still to be answered: it is refused when its turn comes.
"""

import asyncio
import re
from collections.abc import Iterable
from typing import Any, Final, cast

import httptools
import structlog
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from orchestrator.faces.deadlines import Deadline, Part
from orchestrator.faces.doors import GUEST_PATIENCE_S, Doors, Standing
from orchestrator.faces.gate import MAX_HEADER_BYTES
from orchestrator.model.errors import RequestError
from orchestrator.wire.actions import CONTENT_TYPE
from orchestrator.wire.errors import (
    NotAnApiCallError,
    RequestTooSlowError,
    SerializationError,
    ShuttingDownError,
    to_wire,
)

log = structlog.stdlib.get_logger()

_UNREAD_AT_END_S: Final = 1.0
_VERSIONS: Final = frozenset({"1.0", "1.1"})
_FRAMING: Final = frozenset({b"content-length", b"transfer-encoding"})
_ONCE: Final = frozenset({b"x-amz-target", b"content-type", b"authorization", b"amz-sdk-invocation-id"})
"""Headers by which a call is understood: whoever stands between might take the other one."""
_ODD_REQUEST_LINE: Final = re.compile(rb"([!-~]+) ([!-~]+) HTTP/1\.[01]\r\n")


class WholeAnswers:
    """A transport that sends what one step of the loop writes in one piece.

    uvicorn writes an answer's head and body apart. A daemon that is killed between the two leaves a head alone, and
    boto3 takes that for an empty success: its caller would have a run without an id, and would not call again.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, *, close_within_s: float) -> None:
        """Write to `transport`; what is not read `close_within_s` after its end is thrown away."""
        self._transport = transport
        self._loop = loop
        self._close_within_s = close_within_s
        self._parts: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        """Be the transport in all else."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send `data` when this step of the loop ends."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def close(self) -> None:
        """Send what is left, then close."""
        self._flush()
        self._transport.close()
        if self._transport.get_write_buffer_size():  # else a client that does not read would keep its place for ever
            self._loop.call_later(self._close_within_s, self._transport.abort)

    def _flush(self) -> None:
        if self._parts:
            data = b"".join(self._parts)
            self._parts.clear()
            self._transport.write(data)


class Protocol(HttpToolsProtocol):
    """uvicorn's, which also asks who the peer is, once per connection, and refuses broken HTTP in Glue's shape."""

    def __init__(self, *args: Any, **named: Any) -> None:
        """Begin as uvicorn's does."""
        super().__init__(*args, **named)
        self._active: RequestResponseCycle | None = None  # the request that is being answered; `cycle` is the newest
        self._is_in_head = False
        self._hosts = 0
        self._trailer_bytes = 0
        self._is_oddly_coded = False
        self._is_upgrading = False
        self._vain_bytes = 0  # since a head was whole or a part of a body came: the parser itself has no limit
        self._refusal: RequestError | None = None
        self._doors: Doors = self.config.app.doors  # type: ignore[union-attr]  # it is a Gate
        self._standing: Standing | None = None
        self._begun = 0  # requests
        self._deadline = Deadline(self.loop, self._late)
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Ask who it is."""
        patience_s = self._doors.limits.idle_timeout_s
        whole = WholeAnswers(transport, self.loop, close_within_s=patience_s)
        super().connection_made(cast("asyncio.Transport", whole))
        resume = self.flow.resume_reading
        # uvicorn reads on when a request is answered, though others wait: one who never reads answers could fill our memory.
        self.flow.resume_reading = lambda: None if self.pipeline else resume()  # type: ignore[method-assign]
        self._standing = standing = self._doors.enter(transport)
        if standing is None:
            transport.abort()
            return
        self.app_state = {**self.app_state, "refusal": standing.refusal, "is_unix": standing.is_unix}
        if standing.refusal is not None:  # it is told so when it asks; one that does not ask shall not hold a place
            self.loop.call_later(GUEST_PATIENCE_S, transport.abort)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give its place to others."""
        self._deadline.stop()
        self._unset_keepalive_if_required()
        self._unset_stalled()
        if self._standing is not None:
            self._doors.leave(self._standing)
            self._standing = None
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait for the reader, but not for ever."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self._doors.limits.idle_timeout_s, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on writing."""
        self._unset_stalled()
        super().resume_writing()

    def _unset_stalled(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def shutdown(self) -> None:
        """End when what has wholly come is answered; a request of which a part is missing was never begun."""
        cycle: RequestResponseCycle | None = self.cycle
        if self._is_in_head or (cycle is not None and cycle.more_body and not cycle.response_complete):
            self._refuse(ShuttingDownError())
            self._watch()
        else:
            super().shutdown()
        self.loop.call_later(_UNREAD_AT_END_S, self._abort_unread)

    def _abort_unread(self) -> None:
        """Throw away an answer whose reader takes nothing: the end does not wait for it."""
        if self.flow.write_paused or self.transport.get_write_buffer_size():
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        """Take in what has come; whatever is no HTTP ends the connection, once the requests before it are answered."""
        self._unset_keepalive_if_required()
        if self._refusal is not None:
            return
        self._vain_bytes += len(data)
        try:
            self._feed(data)
        except RequestError as error:
            self._refuse(error)
        except httptools.HttpParserError as error:
            cause = error.__context__
            self._refuse(cause if isinstance(cause, RequestError) else self._described(error, data))
        else:
            if self._vain_bytes > MAX_HEADER_BYTES:
                sentence = f"The request has a head, or trailers, of more than {MAX_HEADER_BYTES} bytes."
                self._refuse(SerializationError(sentence))
        self._watch()

    def _watch(self) -> None:
        """Let the patience with the client begin, go on or end, by what is awaited of it now."""
        limits = self._doors.limits
        cycle: RequestResponseCycle | None = self.cycle
        if self._refusal is not None:
            self._deadline.stop()
        elif self._is_in_head or self._is_idle():
            self._deadline.expect(("head", self._begun), limits.header_timeout_s)
        elif cycle is not None and cycle.more_body and not cycle.response_complete:
            self._deadline.expect(("body", self._begun), limits.body_timeout_s)
        else:
            self._deadline.stop()

    def _late(self, part: Part) -> None:
        """Refuse a request whose end did not come, unless its turn has not come either: then we might not have read it."""
        is_its_turn = self._is_idle() if part == "head" else self.cycle is self._active
        if not is_its_turn:
            self._watch()
        elif part == "head" and not self._is_in_head:  # nothing was asked, so there is nothing to answer
            self.transport.close()
        else:
            limits = self._doors.limits
            limit_s = limits.header_timeout_s if part == "head" else limits.body_timeout_s
            self._refuse(RequestTooSlowError(part, limit_s))

    def _feed(self, data: bytes) -> None:
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._read_on(data[upgrade.args[0] :])

    def _read_on(self, data: bytes) -> None:
        """Take a request that asks for an upgrade as one without. Its parser stops before the body: another reads that."""
        self._is_upgrading = False
        self.cycle.keep_alive = False
        self.parser = httptools.HttpRequestParser(_Rest(self))
        framing = [b"%b: %b\r\n" % header for header in self.headers if header[0] in _FRAMING]
        self.parser.feed_data(b"".join([b"POST / HTTP/1.1\r\n", *framing, b"\r\n", data]))

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._begun += 1
        self._is_in_head = True
        self._hosts = 0
        self._trailer_bytes = 0
        self._is_oddly_coded = False
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; trailers are left aside, or they would say afterwards what the gate has looked at before."""
        if self._is_in_head:
            name = name.lower()
            if name == b"host":
                self._hosts += 1
            elif name == b"transfer-encoding" and value.lower() != b"chunked":
                self._is_oddly_coded = True
            elif name == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True
            self.headers.append((name, value))
            return
        self._trailer_bytes += len(name) + len(value)
        if self._trailer_bytes > MAX_HEADER_BYTES:
            sentence = f"The request has trailers of more than {MAX_HEADER_BYTES} bytes."
            raise SerializationError(sentence)

    def on_headers_complete(self) -> None:
        """Begin the answer, if the request can be read in one way only."""
        self._is_in_head = False
        self._vain_bytes = 0
        version = self.parser.get_http_version()
        if version not in _VERSIONS:
            sentence = f"HTTP {version} is not served here."
        elif self._hosts > 1 or (self._hosts == 0 and version == "1.1"):
            sentence = f"The request has {self._hosts} headers Host."
        elif (name := _doubled(self.headers)) is not None:
            sentence = f"The request has the header {name.decode('ascii')} more than once."
        elif self._is_oddly_coded:
            sentence = "The request has a Transfer-Encoding other than chunked."
        elif self.parser.get_method() == b"CONNECT":
            sentence = "No tunnel begins here."
        else:
            self._is_upgrading = self.parser.should_upgrade()
            super().on_headers_complete()
            return
        raise SerializationError(sentence)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        self._vain_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request, unless its body is still to be read."""
        self._vain_bytes = 0
        if not self._is_upgrading:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """Go on to the next request, or to the mistake that followed the last."""
        super().on_response_complete()
        if not (self.pipeline or self.transport.is_closing()):
            self.flow.resume_reading()
        if self._refusal is not None and self._is_idle():
            self._tell(self._refusal)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._active = cycle
        super()._start_asgi_task(cycle, app)

    def _is_idle(self) -> bool:
        return not self.pipeline and (self._active is None or self._active.response_complete)

    def _described(self, error: httptools.HttpParserError, data: bytes) -> RequestError:
        """Return what is wrong; llhttp knows no other methods than HTTP's, but a request with one is whole otherwise."""
        line = _ODD_REQUEST_LINE.match(data)
        if line is not None and isinstance(error, httptools.HttpParserInvalidMethodError) and self._is_idle():
            return NotAnApiCallError(line[1].decode("ascii"), line[2].decode("ascii"))
        return SerializationError(f"The request is not HTTP: {error}.")

    def _refuse(self, error: RequestError) -> None:
        """Read no further; tell when all that came before is answered. What is broken in its body is never begun."""
        log.debug("request_refused", operation=None, error=type(error).__name__, sentence=str(error))
        self._refusal = error
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and cycle.more_body and not cycle.response_complete:
            if cycle is self._active:
                cycle.disconnected = True
                cycle.message_event.set()
                if not cycle.response_started:
                    self._tell(error)
                else:
                    self.transport.close()
                return
            self.pipeline.popleft()
        if self._is_idle():
            self._tell(error)

    def _tell(self, error: RequestError) -> None:
        if self.transport.is_closing():
            return
        wire = to_wire(error)
        head = f"content-type: {CONTENT_TYPE}\r\ncontent-length: {len(wire.body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(STATUS_LINE[wire.status] + head.encode() + wire.body)
        self.transport.close()


def _doubled(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """Return a header that comes twice and should come once, if there is one."""
    seen = [name for name, _ in headers if name in _ONCE]
    return next((name for name in seen if seen.count(name) > 1), None)


class _Rest:
    """What a parser tells that reads one body only: what follows it is not read, for the connection ends after the answer."""

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol
        self._is_complete = False

    def on_body(self, body: bytes) -> None:
        if not self._is_complete:
            self._protocol.on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_complete:
            self._is_complete = True
            self._protocol.on_message_complete()

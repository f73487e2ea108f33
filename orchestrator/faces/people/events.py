"""What changes, as it changes: server-sent events that a browser which lost its connection goes on with where it was.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html
"""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final

import anyio
import anyio.to_thread
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from orchestrator.faces.people.answers import HEADERS, as_json
from orchestrator.faces.people.query import MAX_MS, number
from orchestrator.faces.people.run_views import bare_run_view
from orchestrator.model.errors import StoreError
from orchestrator.model.ids import JobRunId
from orchestrator.model.queue import Wait
from orchestrator.model.records import Change
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.operations.follow_changes import PAGE, changes_after, span_of_changes
from orchestrator.wire.errors import BusyError

log = structlog.stdlib.get_logger()

MOST_FOLLOWERS: Final = 64
MOST_BEHIND_BYTES: Final = 1024 * 1024
HEARTBEAT_S: Final = 15.0
_PAUSE_S: Final = 0.05
"""Changes that come close together are read together."""


class Follower:
    """One reader: what it has not been sent so far."""

    def __init__(self, after_seq: int) -> None:
        """Begin behind a change, with nothing to send."""
        self.after_seq = after_seq
        self.is_let_go = False
        self._parts: deque[bytes] = deque()
        self._bytes = 0
        self._came = anyio.Event()

    def push(self, part: bytes) -> None:
        """Have `part` sent; let the reader go if it has not even taken what came before, and that is much."""
        self.is_let_go |= self._bytes > MOST_BEHIND_BYTES
        if self.is_let_go:
            self._parts.clear()
        else:
            self._parts.append(part)
            self._bytes += len(part)
        self._came.set()

    async def pull(self) -> bytes:
        """Wait for something to send; return nothing where nothing came for a while."""
        with anyio.move_on_after(HEARTBEAT_S):
            await self._came.wait()
        self._came = anyio.Event()
        data = b"".join(self._parts)
        self._parts.clear()
        self._bytes = 0
        return data


class Feed:
    """Reads what changes, makes it text once, and hands it to all who follow. While nobody does, it does nothing."""

    def __init__(self, ctx: Context, redaction: Redaction) -> None:
        """Begin without followers; `serve` is what feeds them."""
        self._ctx = ctx
        self._redaction = redaction
        self._followers: set[Follower] = set()
        self._last_seq = 0
        self._joined = anyio.Event()
        self._rung = asyncio.Event()  # what `serve` waits for

    async def serve(self) -> None:
        """Feed whoever follows, until cancelled. The store's trouble ends the daemon, ours only delays."""
        while True:
            if not self._followers:
                self._joined = anyio.Event()
                await self._joined.wait()
            self._rung = rung = self._ctx.committed.listen()
            try:
                is_all = await self._step()
            except StoreError:
                raise
            except Exception:
                log.exception("feed_trouble")
                is_all = True
            if is_all:
                await rung.wait()
                await anyio.sleep(_PAUSE_S)

    async def _step(self) -> bool:
        """Hand on the next changes; return whether those were all."""
        last_seq = self._last_seq
        page = await changes_after(self._ctx, last_seq)
        data = await self._text_behind(last_seq, page)
        if last_seq != self._last_seq:  # all had left, and another came, who is further
            return False
        if page:
            self._last_seq = page[-1].seq
            await self._hand_on(page, last_seq, data)
        return len(page) < PAGE

    async def _hand_on(self, page: Sequence[Change], last_seq: int, data: bytes) -> None:
        """Give a page to all; who came in the midst of it gets the rest of it."""
        for follower in list(self._followers):
            if follower.after_seq <= last_seq:
                follower.push(data)
            elif follower.after_seq < page[-1].seq:
                rest = [change for change in page if change.seq > follower.after_seq]
                follower.push(await self._text_behind(follower.after_seq, rest))
            follower.after_seq = max(follower.after_seq, page[-1].seq)

    def check_room(self) -> None:
        """Refuse another follower.

        Raises:
            BusyError: as many follow as may.
        """
        if len(self._followers) >= MOST_FOLLOWERS:
            raise BusyError.followers(MOST_FOLLOWERS)

    async def missed_by(self, follower: Follower) -> bytes:
        """Return the next part of what `follower` has missed and the others have not; nothing where it is up to them."""
        if not self._followers or follower.after_seq >= self._last_seq:
            return b""
        page = await changes_after(self._ctx, follower.after_seq)
        upto = [change for change in page if change.seq <= self._last_seq]
        if not upto:
            return b""
        last_seq, follower.after_seq = follower.after_seq, upto[-1].seq
        return await self._text_behind(last_seq, upto)

    def join(self, follower: Follower) -> None:
        """Let `follower`, which has missed nothing, follow."""
        if not self._followers:
            self._last_seq = follower.after_seq
            self._rung.set()  # what it has missed may be all there is for long: nobody else need commit anything
        self._followers.add(follower)
        self._joined.set()

    def leave(self, follower: Follower) -> None:
        """Let go of a follower."""
        self._followers.discard(follower)

    async def _text_behind(self, last_seq: int, page: Sequence[Change]) -> bytes:
        """Return the changes behind `last_seq` as events, made beside the loop; where some are missing, that is told."""
        if not page:
            return b""
        now_ms = self._ctx.now_ms()
        live = [change.run.id for change in page if change.run is not None and not change.run.is_terminal]
        waits = self._ctx.supervisor.waits(live)

        def tell() -> bytes:
            lost = page[0].seq != last_seq + 1  # they came faster than they were read, and are not kept any more
            first = event("reset", page[0].seq - 1, {"seq": page[0].seq - 1}) if lost else b""
            return first + b"".join(self._told(change, now_ms, waits=waits) for change in page)

        return await anyio.to_thread.run_sync(tell)

    def _told(self, change: Change, now_ms: int, *, waits: Mapping[JobRunId, Wait]) -> bytes:
        """Return a change as an event. What cannot be told is passed over: it must not keep the others from being told."""
        try:
            return self._event(change, now_ms, waits=waits)
        except Exception:
            log.exception("change_not_told", seq=change.seq)
            return b""

    def _event(self, change: Change, now_ms: int, *, waits: Mapping[JobRunId, Wait]) -> bytes:
        if not change.is_of_run:
            return event("definitions", change.seq, {"seq": change.seq})
        if change.run is None:  # it is gone: nobody need be told how it went
            return b""
        run = bare_run_view(change.run, now_ms=now_ms, waits=waits, redaction=self._redaction)
        told = {"seq": change.seq, "run": run, "event": change.event, "at_ms": change.at_ms}
        return event("run", change.seq, told)


class EventStream(Response):
    """An answer that goes on until its reader goes, is too far behind, or the daemon ends."""

    def __init__(self, ctx: Context, feed: Feed, first: bytes, follower: Follower) -> None:
        """Answer with `first`, then with what `feed` has for `follower`."""
        headers = {"cache-control": "no-store", **HEADERS}
        super().__init__(headers=headers, media_type="text/event-stream")
        del self.headers["content-length"]
        self._closing = ctx.closing
        self._feed = feed
        self._first = first
        self._follower = follower

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send what comes."""
        del scope
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(_end_with_reader, receive, tasks.cancel_scope)
                tasks.start_soon(_end_with_daemon, self._closing, tasks.cancel_scope)
                await self._tell(send)
                tasks.cancel_scope.cancel()
        finally:
            self._feed.leave(self._follower)
        await send({"type": "http.response.body", "body": b""})

    async def _tell(self, send: Send) -> None:
        """Send what was missed at the reader's own pace, then what comes, until it is let go."""
        follower, data = self._follower, self._first
        while data:
            await send({"type": "http.response.body", "body": data, "more_body": True})
            data = await self._feed.missed_by(follower)
        self._feed.join(follower)
        while not follower.is_let_go:
            data = await follower.pull()
            await send({"type": "http.response.body", "body": data or b":\n\n", "more_body": True})


async def _end_with_reader(receive: Receive, scope: anyio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
    scope.cancel()


async def _end_with_daemon(closing: anyio.Event, scope: anyio.CancelScope) -> None:
    """End also a stream whose reader takes nothing: its successor tells it the rest."""
    await closing.wait()
    scope.cancel()


def event(name: str, seq: int, data: Mapping[str, Any]) -> bytes:
    """Return one event as it is sent."""
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (seq, name.encode("ascii"), as_json(data))


def routes(ctx: Context, feed: Feed) -> list[Route]:
    """Return the route of the stream."""

    async def events(request: Request) -> Response:
        feed.check_room()
        asked = request.headers.get("last-event-id") or request.query_params.get("after")
        span = await span_of_changes(ctx)
        name, seq = "ready", span.last_seq
        if asked:
            after_seq = number({"after": asked}, "after", 0, MAX_MS)
            name, seq = ("ready", after_seq) if span.can_follow(after_seq) else ("reset", span.last_seq)
        first = event(name, seq, {"seq": seq, "now_ms": ctx.now_ms()})
        return EventStream(ctx, feed, b"retry: 1000\n" + first, Follower(seq))

    return [Route("/events", events, methods=["GET"])]

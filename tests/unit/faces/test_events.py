"""A reader that takes nothing holds up nobody and takes no memory: it is let go."""

from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio.lowlevel import checkpoint
from starlette.types import Message

from orchestrator.faces.people import events
from orchestrator.faces.people.events import MOST_BEHIND_BYTES, EventStream, Feed, Follower
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.store import change_log
from orchestrator.store.database import Transaction
from tests.support.contexts import a_context
from tests.support.records import stored_run


@pytest.fixture
async def ctx(tmp_path: Path) -> AsyncIterator[Context]:
    async with a_context(tmp_path / "state.db") as context:
        yield context


async def test_a_reader_gets_everything_in_one_piece_once_it_looks() -> None:
    follower = Follower(0)
    for part in (b"1", b"2", b"3"):
        follower.push(part)
    assert await follower.pull() == b"123"


async def test_a_reader_that_has_taken_all_is_not_let_go_for_one_large_piece() -> None:
    follower = Follower(0)
    follower.push(b"x" * (2 * MOST_BEHIND_BYTES))
    assert not follower.is_let_go
    assert len(await follower.pull()) == 2 * MOST_BEHIND_BYTES


async def test_a_reader_that_is_far_behind_is_let_go_and_nothing_is_kept_for_it() -> None:
    follower = Follower(0)
    for _ in range(10):
        follower.push(b"x" * (MOST_BEHIND_BYTES // 2 + 1))
    assert follower.is_let_go
    assert await follower.pull() == b""


async def test_where_nothing_comes_a_reader_looks_up_from_time_to_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.01)
    with anyio.fail_after(20):
        assert await Follower(0).pull() == b""


async def test_a_stream_whose_reader_takes_nothing_ends_when_it_is_let_go(ctx: Context) -> None:
    feed, follower = Feed(ctx, Redaction()), Follower(0)
    sent: list[Message] = []
    may_take = anyio.Event()

    async def send(message: Message) -> None:
        sent.append(message)
        if len(sent) > 2:
            await may_take.wait()

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(EventStream(ctx, feed, b"first", follower), {"type": "http"}, receive, send)
            follower.push(b"taken")
            while len(sent) < 3:
                await checkpoint()
            for _ in range(3):
                follower.push(b"x" * (MOST_BEHIND_BYTES + 1))
            may_take.set()
    assert [message.get("body") for message in sent] == [None, b"first", b"taken", b""]


async def test_a_reader_that_goes_ends_its_stream(ctx: Context) -> None:
    feed, follower = Feed(ctx, Redaction()), Follower(0)

    async def send(message: Message) -> None:
        del message

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    with anyio.fail_after(20):
        await EventStream(ctx, feed, b"", follower)({"type": "http"}, receive, send)
    feed.check_room()


async def test_changes_that_were_not_kept_are_told_as_a_reset(ctx: Context) -> None:
    await ctx.database.write("define_jobs", lambda tx: tx.execute("INSERT INTO change (seq) VALUES (70)"))
    feed, follower = Feed(ctx, Redaction()), Follower(12)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(feed.serve)
            feed.join(follower)
            data = await follower.pull()
            tasks.cancel_scope.cancel()
    assert data.split(b"\n\n")[0] == b'id: 69\nevent: reset\ndata: {"seq":69}'
    assert b"id: 70\nevent: definitions" in data


async def test_who_has_missed_much_is_told_all_of_it_while_others_follow(ctx: Context) -> None:
    """However much that is: it is read as fast as the reader takes it, and is not what it is behind with."""
    parts = MOST_BEHIND_BYTES // 40
    fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :parts) INSERT INTO change (seq) SELECT i FROM n"
    await ctx.database.write("define_jobs", lambda tx: tx.execute(fill, {"parts": parts}))
    feed, other, late = Feed(ctx, Redaction()), Follower(parts), Follower(0)
    sent: list[bytes] = []

    async def send(message: Message) -> None:
        sent.append(message.get("body", b""))
        await checkpoint()

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    with anyio.fail_after(50):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(feed.serve)
            feed.join(other)
            tasks.start_soon(EventStream(ctx, feed, b"first", late), {"type": "http"}, receive, send)
            while b"id: %d\n" % parts not in sent[-1:][0] if sent else True:
                await checkpoint()
            tasks.cancel_scope.cancel()
    assert sum(map(len, sent)) > MOST_BEHIND_BYTES
    assert b"".join(sent).count(b"event: definitions") == parts
    assert not late.is_let_go


async def test_a_change_that_cannot_be_told_keeps_no_other_from_being_told(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(*_: object, **__: object) -> dict[str, object]:
        raise AttributeError

    monkeypatch.setattr(events, "bare_run_view", spoilt)

    def change(tx: Transaction) -> None:
        stored_run(tx, 1)
        change_log.definition(tx)

    feed, follower = Feed(ctx, Redaction()), Follower(0)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(feed.serve)
            feed.join(follower)
            await ctx.database.write("define_jobs", change)
            data = b""
            while not data.endswith(b"\n\n") or b"definitions" not in data:
                data += await follower.pull()
            tasks.cancel_scope.cancel()
    assert b"event: run" not in data


async def test_a_stream_whose_reader_takes_nothing_ends_with_the_daemon(ctx: Context) -> None:
    feed, begun = Feed(ctx, Redaction()), anyio.Event()

    async def send(message: Message) -> None:
        if message.get("more_body"):
            begun.set()
            await anyio.sleep_forever()

    async def receive() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    with anyio.fail_after(20):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(EventStream(ctx, feed, b"first", Follower(0)), {"type": "http"}, receive, send)
            await begun.wait()
            ctx.closing.set()

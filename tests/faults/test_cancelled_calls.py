"""A call whose caller goes while it is under way is stored whole or not at all, and holds up nobody.

Each action is cancelled at each of its waits, so and so many turns of the event loop after it began to wait there.
"""

import asyncio
import hashlib
import itertools
import json
import shutil
import sqlite3
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
from anyio.lowlevel import checkpoint

from orchestrator.faces import aws_json, cloudwatch_logs
from orchestrator.operations.context import Context
from orchestrator.store.database import Database
from orchestrator.wire import logs_shapes, shapes
from orchestrator.wire.actions import CONTENT_TYPE
from tests.support import every_action
from tests.support.contexts import a_context

_WITHIN_S: Final = 30
_TURNS: Final = (0, 1, 3)
"""Turns of the loop between a wait and its cancellation: a work is taken, run and told of within these."""
_ON_A_THREAD_S, _IN_THE_LOOP_S = 0.0, 3600.0
_ACTIONS: Final = sorted([*shapes.REQUESTS, *(f"Logs.{name}" for name in logs_shapes.REQUESTS)])
_INVOCATION: Final = "6c1b1cf1-0b5a-4a52-8f0e-7c5a3ee0b8a5"
Answer = tuple[int, bytes]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Mapping[str, every_action.Members]]:
    """Return a store that every test takes a copy of, and the calls that succeed there."""
    path = tmp_path_factory.mktemp("template") / "state.db"
    return path, every_action.fill(path)


def _answer(ctx: Context, action: str, members: every_action.Members) -> Awaitable[Answer]:
    body = json.dumps(members).encode()
    if action.startswith("Logs."):
        target = f"Logs_20140328.{action.removeprefix('Logs.')}"
        return cloudwatch_logs.answer(ctx, target=target, content_type=CONTENT_TYPE, body=body)
    return aws_json.answer(
        ctx, target=f"AWSGlue.{action}", content_type=CONTENT_TYPE, invocation_id=_INVOCATION, body=body
    )


class _Watched:
    """Counts the waits of a call. At one of them it says so, or the caller is gone before anything else happens."""

    def __init__(self, call: Awaitable[Answer], at: int | None = None, come: Callable[[], None] | None = None) -> None:
        """Call `come` at the wait with the number `at`; without it, cancel the call there."""
        self._call = call
        self._at = at
        self._come = come
        self.waits = 0

    async def run(self) -> Answer:
        """Be the call."""
        return await self

    def __await__(self) -> Generator[Any, Any, Answer]:
        """Pass on what the call waits for, and what comes of that."""
        steps = self._call.__await__()
        act: Callable[[], Any] = partial(next, steps)
        while True:
            try:
                awaited = act()
            except StopIteration as end:
                answer: Answer = end.value
                return answer
            is_there = self.waits == self._at
            self.waits += 1
            if is_there and self._come is None:
                act = partial(steps.throw, asyncio.CancelledError())
                continue
            if is_there and self._come is not None:
                self._come()
            try:
                act = partial(steps.send, (yield awaited))
            except BaseException as error:  # noqa: BLE001 - it is the call's to take
                act = partial(steps.throw, error)


async def _cancel(ctx: Context, action: str, members: every_action.Members, wait: int, turns: int) -> None:
    """Make a call and cancel it so many turns of the loop after it has come to a wait."""
    call = _answer(ctx, action, members)
    if not turns:
        with pytest.raises(asyncio.CancelledError):
            await _Watched(call, wait)
        return
    has_come = anyio.Event()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_Watched(call, wait, has_come.set).run)
        await has_come.wait()
        for _ in range(turns - 1):
            await checkpoint()
        tasks.cancel_scope.cancel()


async def _check_usable(database: Database) -> None:
    """Hold that no transaction is open, and that neither reads nor writes are held up."""
    for connection in (database._writer, database._reader):
        assert not await connection._execute(lambda connection=connection: connection._conn.in_transaction)  # type: ignore[no-untyped-call]
    assert not database._near_reader.in_transaction
    await database.write("nothing", lambda tx: tx.execute("SELECT 1").close())
    await database.read(lambda tx: tx.execute("SELECT 1").close())


def _digest(path: Path) -> bytes:
    """Return what stands for all that is committed, as another process sees it."""
    with closing(sqlite3.connect(path)) as connection:
        return hashlib.sha256("\n".join(connection.iterdump()).encode()).digest()


@pytest.mark.parametrize(
    "quick_s",
    [
        pytest.param(_ON_A_THREAD_S, id="on_a_thread"),
        pytest.param(_IN_THE_LOOP_S, id="in_the_loop", marks=pytest.mark.crash_full),
    ],
)
@pytest.mark.parametrize("action", _ACTIONS)
async def test_a_call_that_is_cancelled_anywhere_is_stored_whole_or_not_at_all(
    action: str, quick_s: float, template: tuple[Path, Mapping[str, every_action.Members]], tmp_path: Path
) -> None:
    source, calls = template
    with anyio.fail_after(_WITHIN_S):
        async with a_context(_copied(source, tmp_path / "whole.db"), quick_s) as ctx:
            call = _Watched(_answer(ctx, action, calls[action]))
            status, body = await call
            assert status == 200, body
        outcomes = {_digest(source): "before", _digest(tmp_path / "whole.db"): "whole"}
        found = []
        for wait, turns in itertools.product(range(call.waits), _TURNS):
            path = _copied(source, tmp_path / f"{wait}_{turns}.db")
            async with a_context(path, quick_s) as ctx:
                await _cancel(ctx, action, calls[action], wait, turns)
                await _check_usable(ctx.database)
                found.append(outcomes.get(_digest(path), "neither"))
                status, body = await _answer(ctx, "GetJobs", {})
                assert status == 200, body
        assert "neither" not in found, found
        if len(outcomes) == 2:  # it changes something
            assert found[0] == "before", found
        elif quick_s == _ON_A_THREAD_S:
            assert found


def _copied(source: Path, path: Path) -> Path:
    shutil.copyfile(source, path)
    return path

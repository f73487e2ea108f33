"""How late the event loop is: measured while somebody asks, and by no timer otherwise."""

import asyncio
import time
from typing import Final

import anyio
import pytest

from orchestrator.faces import loop_lag
from orchestrator.faces.loop_lag import LoopLag
from tests.support.waiting import until_async

_HELD_S: Final = 0.3


def timers() -> int:
    return len(asyncio.get_running_loop()._scheduled)  # type: ignore[attr-defined]


async def test_nobody_who_asks_is_nobody_for_whom_a_timer_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_lag, "BEAT_S", 0.01)
    monkeypatch.setattr(loop_lag, "FOR_S", 0.05)
    heard: list[float] = []
    before = timers()
    lag = LoopLag(heard.append)
    assert timers() == before
    assert lag.worst_s() == 0
    assert timers() == before + 1
    await until_async(lambda: timers() == before, what="the end of the beats")
    assert heard


async def test_a_loop_that_was_held_up_is_told_of_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_lag, "BEAT_S", 0.01)
    monkeypatch.setattr(loop_lag, "WITHIN_S", 1.0)
    heard: list[float] = []
    lag = LoopLag(heard.append)
    lag.worst_s()
    time.sleep(_HELD_S)  # noqa: ASYNC251 - what is to be found out
    assert lag.worst_s() >= _HELD_S - 0.02  # though the beat has not come yet
    await until_async(lambda: bool(heard), what="a beat")
    assert max(heard) >= _HELD_S - 0.02
    assert lag.worst_s() >= _HELD_S - 0.02
    with anyio.fail_after(10):
        await until_async(lambda: lag.worst_s() < _HELD_S - 0.02, what="that it is forgotten")

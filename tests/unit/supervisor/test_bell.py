"""A bell wakes everybody who listened before it rang, and nobody who listens after."""

import asyncio
import gc
import weakref

import anyio
import pytest

from orchestrator.supervisor.bell import Bell, heard


async def test_a_ring_between_the_look_and_the_wait_is_not_lost() -> None:
    bell = Bell()
    rung = bell.listen()
    bell.ring()
    with anyio.fail_after(5):
        await rung.wait()


async def test_a_ring_wakes_all_who_listen() -> None:
    bell = Bell()
    woken: list[int] = []

    async def wait(number: int, rung: asyncio.Event) -> None:
        await rung.wait()
        woken.append(number)

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            for number in range(3):
                tasks.start_soon(wait, number, bell.listen())
            bell.ring()
    assert sorted(woken) == [0, 1, 2]


async def test_an_old_ring_wakes_nobody_new() -> None:
    bell = Bell()
    bell.ring()
    assert not bell.listen().is_set()


@pytest.mark.parametrize("rings", [1, 5])
async def test_rings_are_not_counted(rings: int) -> None:
    bell = Bell()
    rung = bell.listen()
    for _ in range(rings):
        bell.ring()
    assert rung.is_set()
    assert not bell.listen().is_set()


async def test_who_has_waited_long_enough_goes_on_without_a_ring() -> None:
    bell = Bell()
    with anyio.fail_after(5):
        assert not await heard(bell.listen(), within_s=0.01)


async def test_a_ring_in_time_is_heard() -> None:
    bell = Bell()
    rung = bell.listen()
    bell.ring()
    with anyio.fail_after(5):
        assert await heard(rung, within_s=1000)


async def test_who_gives_up_does_not_ring_for_those_who_listen_later() -> None:
    bell = Bell()
    with anyio.fail_after(5):
        assert not await heard(bell.listen(), within_s=0.01)
        later = bell.listen()
        assert not later.is_set()
        bell.ring()
        assert await heard(later, within_s=1000)


async def test_a_ring_that_was_heard_leaves_nothing_behind() -> None:
    """A timer that is not taken back would keep it for as long as one would have waited."""
    bell = Bell()
    rung = bell.listen()
    kept = weakref.ref(rung)
    bell.ring()
    assert await heard(rung, within_s=1000)
    del rung
    gc.collect()
    assert kept() is None

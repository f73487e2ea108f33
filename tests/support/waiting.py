"""Bounded waits for what has no signal of its own."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import anyio

_T = TypeVar("_T")
_INTERVAL_S: Final = 0.02


def until(condition: Callable[[], _T], *, within_s: float = 20, what: str = "the condition") -> _T:
    """Return the first truthy value of `condition`.

    Raises:
        TimeoutError: it stayed falsy for `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            message = f"{what} did not hold within {within_s} s; it was {value!r}"
            raise TimeoutError(message)
        time.sleep(_INTERVAL_S)


async def until_async(condition: Callable[[], bool], *, within_s: float = 20, what: str = "the condition") -> None:
    """Return when `condition` holds, which this event loop brings about.

    Raises:
        TimeoutError: it did not within `within_s` seconds.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            message = f"{what} did not hold within {within_s} s"
            raise TimeoutError(message)
        await anyio.sleep(_INTERVAL_S)

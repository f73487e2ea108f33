"""Drives Celery: enqueues runs, and awaits their results in Redis."""

import time
from collections.abc import Callable
from typing import Any

from asked import answer, rate  # type: ignore[import-not-found]  # beside this file, where its interpreter looks
from celery_tasks import app, run  # type: ignore[import-not-found]  # as above

handles: list[Any] = []


def enqueue(count: int, command: list[str]) -> dict[str, int]:
    """Enqueue so many runs of a command."""
    handles.extend(run.apply_async((command,)) for _ in range(count))
    return {"enqueued": count}


def codes() -> list[int]:
    """Wait until the results are there; return them, and forget them."""
    keys = [app.backend.get_key_for_task(handle.id) for handle in handles]
    while None in app.backend.mget(keys):
        time.sleep(0.002)
    found = [handle.get() for handle in handles]
    handles.clear()
    return found


def load(clients: int, seconds: float) -> dict[str, float]:
    """Enqueue as fast as can be, with nobody to consume it."""

    def connect() -> Callable[[], object]:
        return lambda: run.apply_async((["true"],))

    told: dict[str, float] = rate(connect, clients, seconds)
    return {**told, "stored": app.backend.client.llen("celery")}


answer({"enqueue": enqueue, "codes": codes, "load": load})

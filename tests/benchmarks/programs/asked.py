"""Answers lines of JSON with lines of JSON; executed by a peer's interpreter, so it knows the standard library only."""

import json
import multiprocessing
import os
import sys
import time
from collections.abc import Callable
from typing import Any

ANSWERS = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # what a library prints, even while it is imported, is no answer


def answer(actions: dict[str, Callable[..., Any]]) -> None:
    """Answer requests until there are no more; `do` names the action."""
    for line in sys.stdin:
        request = json.loads(line)
        ANSWERS.write(json.dumps(actions[request.pop("do")](**request)) + "\n")
        ANSWERS.flush()


def rate(connect: Callable[[], Callable[[], object]], clients: int, seconds: float) -> dict[str, float]:
    """Call as often as can be from so many processes at once, each with a connection of its own."""
    context = multiprocessing.get_context("fork")
    begin, counts = context.Barrier(clients), context.Queue()

    def call() -> None:
        enqueue = connect()
        enqueue()
        begin.wait()
        count, begun_s = 0, time.monotonic()
        while time.monotonic() - begun_s < seconds:
            enqueue()
            count += 1
        counts.put((count, time.monotonic() - begun_s))

    processes = [context.Process(target=call) for _ in range(clients)]
    for process in processes:
        process.start()
    found = [counts.get() for _ in processes]
    for process in processes:
        process.join()
    total = sum(count for count, _ in found)
    return {"count": total, "warm_up": clients, "per_s": total / max(spent_s for _, spent_s in found)}

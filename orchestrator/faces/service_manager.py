"""What the service manager is told: sd_notify(3), a datagram to the socket that it names. Nothing where there is none.

Its watchdog hears from the event loop, and from nobody else: a loop that hangs is silent, and the daemon is started
anew. The store is not asked. Where it is broken the daemon ends by itself; where its disk is slow a restart would wait
for the same disk, and lose the callers who wait with it.
"""

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final

import anyio

from orchestrator.supervisor.bell import Bell

STATUS_PAUSE_S: Final = 1.0
"""The status is told this long after the first change that it does not know, and so at most once in this time."""
_PATIENCE_S: Final = 0.2
_US_PER_S: Final = 1_000_000


def notify(state: str) -> None:
    """Send `state`, such as "READY=1", if a service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with (
        suppress(OSError),  # nobody listens: no reason to end
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
    ):
        sender.settimeout(_PATIENCE_S)  # who does not read shall not hold up the event loop
        sender.connect(address)
        sender.sendall(state.encode())


def watchdog_interval_s(environment: Mapping[str, str], pid: int) -> float | None:
    """Return how often the watchdog wants to hear of the process `pid`, as WATCHDOG_USEC says; None: never."""
    if environment.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    limit = environment.get("WATCHDOG_USEC", "")
    return int(limit) / 2 / _US_PER_S if limit.isascii() and limit.isdigit() and int(limit) else None


def status(live: int, queued: int) -> str:
    """Return the sentence that `systemctl status` shows."""
    runs = "1 live run" if live == 1 else f"{live} live runs"
    return f"STATUS={runs}, {queued} queued"


async def tell_watchdog() -> None:
    """Tell the watchdog that the event loop goes round, until cancelled; return at once where there is none."""
    interval_s = watchdog_interval_s(os.environ, os.getpid())
    if interval_s is None:
        return
    while True:
        notify("WATCHDOG=1")
        await anyio.sleep(interval_s)


async def tell_status(changed: Bell, load: Callable[[], tuple[int, int]]) -> None:
    """Tell how many runs are live and queued, as `load` returns them, whenever `changed` rings, until cancelled."""
    if not os.environ.get("NOTIFY_SOCKET"):
        return
    told = ""
    while True:
        rung = changed.listen()
        sentence = status(*load())
        if sentence != told:
            notify(sentence)
            told = sentence
        await rung.wait()
        await anyio.sleep(STATUS_PAUSE_S)

"""Shims that have served a run and wait for another: each takes one run at a time, and costs no fork.

A shim that waits belongs to one daemon and is asked over a socket of its own. A stop is sent only while its run is
watched, and the next run is asked for after that: so no signal reaches it that was meant for another run.

All methods are for the event loop's thread. Nothing here blocks.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from orchestrator.model.ids import JobRunId

MAX_SPARES: Final = 8
"""How many wait at once, of each server."""
IDLE_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class Claim:
    """What a run's claim says of the shim that has it."""

    run_id: JobRunId
    pid: int | None
    waited_ms: int  # processor time of what the shim had waited for before this run


@dataclass(eq=False, slots=True)
class Shim:
    """A shim that somebody watches."""

    pid: int
    pidfd: int
    requests: socket.socket | None = None  # None: it serves one run, and ends
    server: object = None  # which forked it, where that is known
    claim: Claim | None = None  # of its run, or of an earlier one, as it was read last

    def stop(self) -> None:
        """Ask it to end its run."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGTERM)

    def dismiss(self) -> None:
        """Know it no more. It ends with its run, if it has one."""
        os.close(self.pidfd)
        if self.requests is not None:
            self.requests.close()


@dataclass(eq=False, slots=True)
class _Spare:
    shim: Shim
    since: float
    run_id: str | None = None  # what it was asked to serve, and has not begun


class Spares:
    """The shims that wait, and those that were asked and have not begun."""

    def __init__(self, tell_unbegun: Callable[[str, int], None], listen: Callable[[], None]) -> None:
        """Tell `tell_unbegun` of each run whose shim did not begin with it; `listen` hears what shims have said so far."""
        self._tell_unbegun = tell_unbegun
        self._listen = listen
        self._loop = asyncio.get_running_loop()
        self._spares: dict[int, _Spare] = {}  # by pid

    def __bool__(self) -> bool:
        """Say whether there is anybody to look after."""
        return bool(self._spares)

    def keep(self, shim: Shim) -> None:
        """Take over a shim that has no run any more."""
        is_enough = len(self._idle(shim.server)) >= MAX_SPARES
        if (
            shim.requests is None or is_enough or shim.pid in self._spares
        ):  # the last: another of that number, just gone
            shim.dismiss()
            return
        self._spares[shim.pid] = _Spare(shim, self._loop.time())
        self._loop.add_reader(shim.pidfd, self._gone, shim)

    def ask(self, server: object, run_id: str, request: bytes) -> bool:
        """Ask a shim that `server` has forked to serve a run; False where none waits."""
        for spare in reversed(self._idle(server)):  # the last that came: the others may have enough of waiting
            try:
                spare.shim.requests.send(request)  # type: ignore[union-attr]  # others are not kept
            except OSError:  # it has ended, or does not read
                self._drop(spare.shim)
            else:
                spare.run_id, spare.since = run_id, self._loop.time()
                return True
        return False

    def begun(self, run_id: str, pid: int) -> Shim | None:
        """Give a shim away that says something of its run for the first time; None where it is not known (any more)."""
        spare = self._spares.get(pid)
        if spare is None or spare.run_id != run_id:
            return None
        del self._spares[pid]
        self._loop.remove_reader(spare.shim.pidfd)
        return spare.shim

    def look_around(self, patience_s: float) -> None:
        """Give up on those that do not begin, and let those go that have had nothing to do for long."""
        now = self._loop.time()
        for spare in list(self._spares.values()):
            if now - spare.since > (IDLE_S if spare.run_id is None else patience_s):
                self._drop(spare.shim)
                if spare.run_id is not None:  # should it begin yet, two shims try for one claim, which is harmless
                    self._tell_unbegun(spare.run_id, spare.shim.pid)

    def let_go(self, server: object) -> None:
        """End those of a server that wait."""
        for spare in self._idle(server):
            self._drop(spare.shim)

    def close(self) -> None:
        """End those that wait. Those that were asked serve their run first."""
        for spare in list(self._spares.values()):
            self._drop(spare.shim)

    def _idle(self, server: object) -> list[_Spare]:
        return [spare for spare in self._spares.values() if spare.run_id is None and spare.shim.server is server]

    def _gone(self, shim: Shim) -> None:
        self._listen()  # what it said before it went comes before its end
        spare = self._spares.get(shim.pid)
        if spare is None or spare.shim is not shim:  # it had begun, and whoever has it now sees its end
            return
        self._drop(shim)
        if spare.run_id is not None:
            self._tell_unbegun(spare.run_id, shim.pid)

    def _drop(self, shim: Shim) -> None:
        del self._spares[shim.pid]
        self._loop.remove_reader(shim.pidfd)
        shim.dismiss()

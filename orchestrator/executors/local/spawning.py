"""Which spawn server makes the shim of a run: keeps servers, asks them for shims, and does without them.

All methods are for the event loop's thread. Nothing here blocks, but for starting a process (a millisecond).
"""

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import structlog

from orchestrator.executors.local.executing import execute_shim
from orchestrator.executors.local.server_process import Server, begin, named
from orchestrator.executors.local.shim_notices import Notice, Notices
from orchestrator.executors.local.spares import Shim, Spares
from orchestrator.executors.world import Runtime

log = structlog.stdlib.get_logger()

_MAX_REQUEST_BYTES: Final = 192 * 1024  # forking.py reads no more

PATIENCE_S: Final = 10.0
"""A server that has not begun a shim after this time is taken for stuck, and ended."""
LATE_S: Final = 2.0
"""A server that has not begun a shim after this time keeps scripts from being started, as far as can be seen."""
PAUSE_S: Final = 1.0
"""How soon after its start a server may end without being started again at once."""
REFUSED_FOR_S: Final = 60.0
"""How long a template that could not be made is not tried again."""
IMPORT_WITHIN_S: Final = 300.0
IDLE_S: Final = 900.0
MAX_TEMPLATES: Final = 8
_WORTH: Final = 10
"""A template makes room for another when it was idle for so many times as long as it took to make."""


class Spawner:
    """Gives a shim to a run, the fastest way there is now."""

    def __init__(self, hear: Callable[[Notice], None]) -> None:
        """Tell `hear` what shims say. A run whose request came to nothing is told of by the word `unforked`."""
        self._tell = hear
        self._notices = Notices(self._heard)
        self._loop = asyncio.get_running_loop()
        self._servers: dict[Runtime | None, Server] = {}  # those that can be asked
        self._living: set[Server] = set()  # and those that are to end
        self._spares = Spares(self._unbegun, self.listen)
        self._not_before: dict[Runtime | None, float] = {}
        self._trouble = ""  # why there was no server of executed scripts, the last time
        self._ticking: asyncio.TimerHandle | None = None

    def start(self, runtimes: Sequence[Runtime] = ()) -> None:
        """Start the server of executed scripts, and templates that are known to be wanted."""
        for runtime in (None, *runtimes):
            self._server_of(runtime)

    def spawn(self, directory: Path, spec: Mapping[str, Any], runtime: Runtime | None) -> bool:
        """Ask for a shim of a run; False where nobody can be asked, and the caller executes one."""
        server = self._server_of(runtime)
        if runtime is not None and (server is None or not server.is_ready):
            server = self._server_of(None)
        if server is None:
            return False
        run_id = str(spec["run_id"])
        request = json.dumps({"directory": str(directory), "spec": spec}).encode()
        if len(request) > _MAX_REQUEST_BYTES:  # the kernel may take more than the server does
            return False
        server.used_at = self._loop.time()
        if not self._spares.ask(server, run_id, request):
            try:
                server.requests.send(request)
            except OSError:  # it has ended, or does not read
                return False
            server.pending[run_id] = server.used_at
        self._tick()
        return True

    def take_back(self, shim: Shim) -> None:
        """Take a shim whose run has ended. It may serve another, as long as its server would fork for that, too."""
        if any(server is shim.server for server in self._servers.values()):
            self._spares.keep(shim)
            self._tick()
        else:
            shim.dismiss()

    def execute(self, directory: Path) -> tuple[int, int]:
        """Execute a shim, which reads its spec from the directory; return its pid and pidfd. May be called in a thread.

        Raises:
            OSError: the system has no room for a process.
        """
        pid = execute_shim(directory, self._notices.theirs.fileno())
        return pid, os.pidfd_open(pid)  # it is our child and not reaped: the pid is still its own

    def problem(self) -> str | None:
        """Say why a script that is executed would not be started at once, or None. A server that has ended is started anew."""
        now = self._loop.time()
        asked = [at for server in self._living if server.runtime is None for at in server.pending.values()]
        if asked and now - min(asked) > LATE_S:
            return f"the spawn server has not begun a run that it was asked for {now - min(asked):.1f} s ago"
        return self._trouble if self._server_of(None) is None else None

    def listen(self) -> None:
        """Hear now what shims have said so far."""
        self._notices.read()

    def close(self) -> None:
        """End the servers, which own nothing. The shims live on."""
        if self._ticking is not None:
            self._ticking.cancel()
        self._spares.close()
        for server in list(self._living):
            server.kill()
            self._forget(server, os.WEXITED)
        self._notices.close()

    def _server_of(self, runtime: Runtime | None) -> Server | None:
        """Return the server of a runtime, started if need be; None while it cannot be had."""
        server = self._servers.get(runtime)
        if server is not None:
            return server
        if self._loop.time() < self._not_before.get(runtime, 0.0) or not self._has_room(runtime):
            return None
        try:
            server = self._start(runtime)
        except OSError as error:
            log.warning("spawn_server_not_started", problem=str(error), **named(runtime))
            self._not_before[runtime] = self._loop.time() + PAUSE_S
            if runtime is None:
                self._trouble = f"the spawn server could not be started: {error}"
            return None
        self._servers[runtime] = server
        self._tick()
        return server

    def _start(self, runtime: Runtime | None) -> Server:
        server = begin(runtime, self._notices.theirs.fileno(), now=self._loop.time())
        self._living.add(server)
        self._loop.add_reader(server.pidfd, self._gone, server)
        self._loop.add_reader(server.output, self._said, server)
        return server

    def _heard(self, notice: Notice) -> None:
        if notice.run_id == "server":
            self._heard_of_server(notice)
            return
        spare = self._spares.begun(notice.run_id, notice.pid)
        server = spare.server if spare is not None else self._asked_for(notice.run_id)
        if notice.shim is not None:
            notice.shim.server = server
        elif spare is not None and notice.word == "stale":  # it ends, and has nothing to do with the run
            spare.dismiss()
        elif spare is not None:
            notice = replace(notice, shim=spare)
        if notice.word == "stale" and isinstance(server, Server):
            log.info("template_stale", **named(server.runtime))
            self._end(server)
        self._tell(notice)

    def _asked_for(self, run_id: str) -> Server | None:
        """Return the server that was asked for a run's shim, and need not be looked at for that any more."""
        return next((server for server in self._living if server.pending.pop(run_id, None) is not None), None)

    def _unbegun(self, run_id: str, pid: int) -> None:
        self._tell(Notice(run_id, pid, "unforked", ""))

    def _heard_of_server(self, notice: Notice) -> None:
        server = next((server for server in self._servers.values() if server.pid == notice.pid), None)
        if server is None:
            return
        if notice.word == "ready":
            server.is_ready = True
            server.took_s = self._loop.time() - server.started_at
            log.info(
                "template_ready",
                pid=server.pid,
                took_ms=round(server.took_s * 1000),
                resident_bytes=int(notice.more),
                **named(server.runtime),
            )
        else:
            self._refuse(server, notice.more)

    def _refuse(self, server: Server, problem: str) -> None:
        log.warning("template_refused", problem=problem, consequence="cold starts", **named(server.runtime))
        self._not_before[server.runtime] = self._loop.time() + REFUSED_FOR_S

    def _gone(self, server: Server) -> None:
        """It has ended: what it was asked for, and did not begin, is told; the next request starts another."""
        self._notices.read()  # what it said before it went comes before its end
        is_ours = self._servers.get(server.runtime) is server
        if is_ours:
            now = self._loop.time()
            log.debug("spawn_server_ended", pid=server.pid, pending=len(server.pending), **named(server.runtime))
            if now - server.started_at < PAUSE_S:
                self._not_before.setdefault(server.runtime, 0.0)
                self._not_before[server.runtime] = max(self._not_before[server.runtime], now + PAUSE_S)
                if server.runtime is None:
                    self._trouble = f"the spawn server ended {now - server.started_at:.1f} s after its start"
            if not (server.is_ready or self._not_before.get(server.runtime, 0.0) > now + PAUSE_S):
                server.hear()
                problem = f"the interpreter ended before it was ready: {server.last_line}"
                self._refuse(server, problem.removesuffix(": "))
        self._forget(server, os.WEXITED | os.WNOHANG)
        for run_id in server.pending:
            self._unbegun(run_id, server.pid)

    def _forget(self, server: Server, how: int) -> None:
        self._forsake(server)
        self._living.discard(server)
        self._loop.remove_reader(server.pidfd)
        self._loop.remove_reader(server.output)
        server.bury(how)

    def _end(self, server: Server) -> None:
        """Let a server end after what it was asked for; the next request starts another."""
        self._forsake(server)
        server.requests.close()

    def _forsake(self, server: Server) -> None:
        """Ask it no more, nor those that it has forked."""
        if self._servers.get(server.runtime) is server:
            del self._servers[server.runtime]
        self._spares.let_go(server)

    def _said(self, server: Server) -> None:
        if not server.hear():
            self._loop.remove_reader(server.output)

    def _has_room(self, runtime: Runtime | None) -> bool:
        """Say whether one more template can be kept; the one that was not used for longest makes room, if that is long ago."""
        templates = [server for server in self._servers.values() if server.runtime is not None]
        if runtime is None or len(templates) < MAX_TEMPLATES:
            return True
        oldest = min(templates, key=lambda one: one.used_at)
        now = self._loop.time()
        if now - oldest.used_at < _WORTH * oldest.took_s:  # to make them in turn would cost more than it brings
            log.info("template_not_made", problem=f"{MAX_TEMPLATES} others are in use", **named(runtime))
            self._not_before[runtime] = now + PAUSE_S
            return False
        log.info("template_evicted", **named(oldest.runtime))
        self._end(oldest)
        return True

    def _tick(self) -> None:
        """Look again when something may have become due."""
        if self._ticking is None:
            self._ticking = self._loop.call_later(PATIENCE_S / 2, self._look_around)

    def _look_around(self) -> None:
        self._ticking = None
        now = self._loop.time()
        for server in list(self._living):
            is_stuck = any(now - asked_at > PATIENCE_S for asked_at in server.pending.values()) or (
                not server.is_ready and now - server.started_at > IMPORT_WITHIN_S
            )
            if is_stuck:
                log.warning("spawn_server_stuck", pid=server.pid, pending=len(server.pending), **named(server.runtime))
                server.kill()
            elif self._is_idle(server, now):
                log.info("template_idle", **named(server.runtime))
                self._end(server)
        self._spares.look_around(PATIENCE_S)
        if self._spares or any(server.pending or server.runtime is not None for server in self._living):
            self._tick()

    def _is_idle(self, server: Server, now: float) -> bool:
        is_template = server.runtime is not None and self._servers.get(server.runtime) is server
        return is_template and server.is_ready and now - server.used_at > IDLE_S

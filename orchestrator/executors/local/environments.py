"""Environments of modules for runs: made once for each set, by a process of their own, kept for the next run, and bounded.

A making belongs to the runs that wait for it: when the last of them is withdrawn, it is ended. One that is cut off, by
whatever, leaves nothing that anybody uses; the next run makes it again.
"""

import asyncio
import json
import os
import re
import signal
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.to_thread
import structlog

from orchestrator.executors.local.environment_files import EnvironmentFiles, discard
from orchestrator.executors.local.environment_requests import Request, request_of
from orchestrator.executors.local.executing import end_session, execute_maker
from orchestrator.executors.modules import EnvironmentSettings, Wanted
from orchestrator.executors.users import User
from orchestrator.model.errors import LaunchError
from orchestrator.model.ids import JobRunId
from orchestrator.model.redaction import without_credentials

log = structlog.stdlib.get_logger()

TIDY_INTERVAL_S: Final = 3600.0
WAITS: Final = "Its modules are being installed"
_MAX_LOG_BYTES: Final = 256 * 1024
_MAX_RESULT_BYTES: Final = 64 * 1024
_MAX_SENTENCE_CHARS: Final = 2_000
_LAST_LINES: Final = 6
_DULL: Final = re.compile(r"^\s*$|^\[notice\]|^WARNING: (Location|Retrying|There was an error checking)")
_UNREACHED: Final = re.compile(
    r"NewConnectionError|Failed to establish|name resolution|Could not connect|dns error|Failed to fetch|"
    r"network was disabled|error sending request|ConnectTimeout|Max retries exceeded",
    re.IGNORECASE,
)


class UnmadeError(LaunchError):
    """An environment could not be made; `output` is what its installer said."""

    def __init__(self, sentence: str, output: bytes) -> None:
        """Keep both."""
        super().__init__(sentence)
        self.output = output


class _Making:
    """An environment that a process makes."""

    def __init__(self, request: Request) -> None:
        """Execute the process.

        Raises:
            OSError: there is no room for one.
        """
        self.digest = request.digest
        self.timeout_s = request.spec["timeout_s"]
        self.waiting = 0
        self.result: dict[str, Any] = {}
        self.done = anyio.Event()
        self._spec = os.memfd_create("environment", os.MFD_CLOEXEC)
        reading, self._liveness = os.pipe()
        try:
            os.pwrite(self._spec, json.dumps(request.spec).encode(), 0)
            self.pid = execute_maker(reading, self._spec)
            self.pidfd = os.pidfd_open(self.pid)
        except BaseException:
            os.close(self._liveness)
            os.close(self._spec)
            raise
        finally:
            os.close(reading)

    def end(self) -> None:
        """Ask the process to end."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal.SIGTERM)

    def take_result(self) -> None:
        """Reap the process, which has ended, and take what it has left."""
        end_session(self.pid)  # what it may have left; nothing, unless it was killed
        with suppress(ChildProcessError):
            os.waitid(os.P_PIDFD, self.pidfd, os.WEXITED | os.WNOHANG)
        with suppress(ValueError):
            self.result = json.loads(os.pread(self._spec, _MAX_RESULT_BYTES, 0))
        if "why" not in self.result:  # the request is still there: it was killed
            self.result = {"why": "failed", "problem": "the process that installs them was killed"}
        self.let_go()

    def let_go(self) -> None:
        """Close what we hold of it; the process, if it is still there, ends itself."""
        for descriptor in (self._spec, self._liveness, self.pidfd):
            os.close(descriptor)
        self.done.set()


class Environments:
    """The environments of one daemon. To be used inside one event loop, and closed with `close`."""

    def __init__(self, files: EnvironmentFiles, settings: EnvironmentSettings) -> None:
        """Begin with what lies there."""
        self._files = files
        self._settings = settings
        self._makings: dict[str, _Making] = {}
        self._lent: dict[JobRunId, str] = {}
        self._waiting: set[JobRunId] = set()
        self._tidied_at: float | None = None
        self._tidying = threading.Lock()

    @property
    def waiting(self) -> Mapping[JobRunId, str]:
        """The runs whose environments are being made, and what people are told of that."""
        return dict.fromkeys(self._waiting, WAITS)

    async def start(self) -> None:
        """Learn which runs use what: those that another daemon has launched give it back to us."""
        self._lent.update(await anyio.to_thread.run_sync(dict, self._files.uses()))

    async def lend(self, run_id: JobRunId, wanted: Wanted, user: User | None) -> Path:
        """Return the environment of a set of modules, which stays until `give_back`; made now if need be.

        Cancelled, it is not made, unless another run waits for it.

        Raises:
            LaunchError: it cannot be made; as UnmadeError with what the installer said.
            OSError: the disk does not take it.
        """
        request = await anyio.to_thread.run_sync(request_of, wanted, user, self._files.root, self._settings)
        digest = request.digest
        self._lent[run_id] = digest
        await anyio.to_thread.run_sync(self._files.lend, digest, run_id)
        place = await anyio.to_thread.run_sync(self._files.find, digest)
        if place is None:
            self._waiting.add(run_id)
            try:
                place = await self._made(request)
            finally:
                self._waiting.discard(run_id)
            await anyio.to_thread.run_sync(self.tidy)
        if user is not None:
            await anyio.to_thread.run_sync(self._files.let_through, digest)
        return place

    def give_back(self, run_id: JobRunId) -> None:
        """Let the environment of a run go, if it has one: it may be removed for another from now on."""
        digest = self._lent.pop(run_id, None)
        if digest is not None:
            self._files.give_back(digest, run_id)

    def is_tidying_due(self) -> bool:
        """Say, once in an hour, that what was not used for long should be looked for."""
        now = time.monotonic()
        if self._tidied_at is not None and now - self._tidied_at < TIDY_INTERVAL_S:
            return False
        self._tidied_at = now
        return True

    def tidy(self) -> None:
        """Remove what makings have left, and environments beyond the bounds: those first that were not used for longest.

        Those that a live run uses stay. Blocks, unless another thread is at it.
        """
        if self._tidying.acquire(blocking=False):
            try:
                self._tidy()
            finally:
                self._tidying.release()

    def close(self) -> None:
        """Let the makings end, for nobody waits for them any more."""
        for making in list(self._makings.values()):
            asyncio.get_running_loop().remove_reader(making.pidfd)
            making.let_go()
        self._makings.clear()

    def _tidy(self) -> None:
        for path in self._files.remains():
            _removed(partial(discard, path), path)
        found = sorted(self._files.found(), key=lambda one: one.used_at)
        ready = [one for one in found if one.place is not None]
        count, size = len(ready), sum(one.stored_bytes for one in ready)
        settings, now = self._settings, time.time()
        for one in found:
            self._files.forget_uses(one)
            is_idle = 0 < settings.max_idle_s < now - one.used_at
            is_beyond = 0 < settings.max_count < count or 0 < settings.max_bytes < size
            if one.is_being_made or not (one.place is None or is_idle or is_beyond):
                continue
            if _removed(partial(self._files.remove, one), one.folder) and one.place is not None:
                log.info("environment_removed", digest=one.folder.name, idle_s=round(now - one.used_at))
                count, size = count - 1, size - one.stored_bytes

    async def _made(self, request: Request) -> Path:
        """Wait until somebody has made it, we or another run."""
        while True:
            making = self._makings.get(request.digest) or self._begin(request)
            making.waiting += 1
            try:
                await making.done.wait()
            finally:
                making.waiting -= 1
                if not making.waiting and not making.done.is_set():
                    making.end()
            why = making.result["why"]
            if why == "stopped":  # it was for another run that was withdrawn, when we had begun to wait
                continue
            if why is not None:
                raise await anyio.to_thread.run_sync(self._error, making)
            place = await anyio.to_thread.run_sync(self._files.find, request.digest)
            if place is not None:
                return place

    def _begin(self, request: Request) -> _Making:
        making = self._makings[request.digest] = _Making(request)
        asyncio.get_running_loop().add_reader(making.pidfd, self._ended, making)
        log.info("environment_making", digest=request.digest, **request.spec["told"])
        return making

    def _ended(self, making: _Making) -> None:
        asyncio.get_running_loop().remove_reader(making.pidfd)
        del self._makings[making.digest]
        making.take_result()
        log.info("environment_made", digest=making.digest, why_not=making.result["why"])

    def _error(self, making: _Making) -> UnmadeError:
        """Return what went wrong, in a sentence."""
        output = without_credentials(self._files.log_tail(making.digest, _MAX_LOG_BYTES).decode(errors="replace"))
        lines = [line.strip() for line in output.splitlines() if not _DULL.search(line)]
        if making.result["why"] == "late":
            said = f": {lines[-1]}" if lines else ""
            sentence = f"The modules were not installed within {making.timeout_s:g} s ([environments] timeout_s){said}"
            return UnmadeError(sentence[:_MAX_SENTENCE_CHARS], output.encode())
        said = making.result["problem"] or _last_words(lines)
        if _UNREACHED.search(output):
            said += " (was the index reachable? [environments] index_url, find_links and offline say where packages come from)"
        return UnmadeError(f"The modules could not be installed: {said}"[:_MAX_SENTENCE_CHARS], output.encode())


def _last_words(lines: list[str]) -> str:
    """Return what an installer says of its failure: its errors if it calls them so, else what it said last."""
    marked = [
        number for number, line in enumerate(lines) if re.match(r"error\b|×|  ×|No solution", line, re.IGNORECASE)
    ]
    first = marked[0] if marked and len(lines) - marked[0] <= _LAST_LINES else max(0, len(lines) - _LAST_LINES)
    return "\n".join(lines[first:]) or "the installer said nothing"


def _removed(remove: partial[bool], path: Path) -> bool:
    try:
        return remove()
    except OSError as error:
        log.warning("environment_not_removed", path=str(path), problem=str(error))
        return False

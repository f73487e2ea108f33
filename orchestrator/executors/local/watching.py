"""The shims of live runs, watched by their pidfds in the event loop, without a thread or a task for each.

A shim that another daemon had made is watched the same way.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress

from orchestrator.executors.interface import Sighting
from orchestrator.executors.local.run_directory import RunDirectory
from orchestrator.executors.local.spares import Shim
from orchestrator.model.ids import JobRunId


class Watching:
    """Who runs what, as far as it was heard or seen. To be used inside one event loop."""

    def __init__(self, *, listen: Callable[[], None], gone: Callable[[JobRunId], None]) -> None:
        """Call `gone` with the run of a shim that has ended, and before that `listen`, to hear what it had said."""
        self._listen = listen
        self._tell = gone
        self._shims: dict[JobRunId, list[Shim]] = {}
        self._said: dict[JobRunId, Sighting] = {}  # what need not be looked at

    def shims(self, run_id: JobRunId) -> tuple[Shim, ...]:
        """Return the shims of a run: one, or none, or two where one of them is about to find the claim taken."""
        return tuple(self._shims.get(run_id, ()))

    def said(self, run_id: JobRunId) -> Sighting | None:
        """Return what the shim of a run has said last, if that is as good as a look."""
        return self._said.get(run_id)

    def hear(self, run_id: JobRunId, pid: int, sighting: Sighting) -> bool:
        """Take in what a shim says of its run. False, and it is nothing, where nobody watches it."""
        if not self._with(run_id, pid):
            return False
        self._said[run_id] = sighting
        return True

    def adopt(self, run_id: JobRunId, pid: int, directory: RunDirectory) -> bool:
        """Watch the shim that holds the claim. False if it went in between, so that one has to look again."""
        if self._with(run_id, pid):
            return True
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        # Only now is it sure that the pidfd is not a stranger's: one under the same number, or one that the script named.
        if not (directory.is_held() and directory.is_place_of(pid)):
            os.close(pidfd)
            return False
        self.add(run_id, Shim(pid, pidfd))
        return True

    def add(self, run_id: JobRunId, shim: Shim) -> None:
        """Watch a shim, which is ours to dismiss from now on."""
        for other in self._with(run_id, shim.pid):  # it was seen by its claim before it was heard
            self._remove(run_id, other)
            other.dismiss()
        self._shims.setdefault(run_id, []).append(shim)
        asyncio.get_running_loop().add_reader(shim.pidfd, self._gone, run_id, shim)

    def release(self, run_id: JobRunId, pid: int) -> list[Shim]:
        """Return the shims of that pid that can serve another run, watched no more: no stop of this run reaches them."""
        self._said.pop(run_id, None)
        released = [shim for shim in self._with(run_id, pid) if shim.requests is not None]
        for shim in released:
            self._remove(run_id, shim)
        return released

    def close(self) -> None:
        """Watch no more. The shims live on."""
        for run_id, shims in list(self._shims.items()):
            for shim in list(shims):
                self._remove(run_id, shim)
                shim.dismiss()

    def _remove(self, run_id: JobRunId, shim: Shim) -> None:
        self._said.pop(run_id, None)
        asyncio.get_running_loop().remove_reader(shim.pidfd)
        shims = self._shims[run_id]
        shims.remove(shim)
        if not shims:
            del self._shims[run_id]

    def _with(self, run_id: JobRunId, pid: int) -> list[Shim]:
        return [shim for shim in self._shims.get(run_id, ()) if shim.pid == pid]

    def _gone(self, run_id: JobRunId, shim: Shim) -> None:
        with suppress(ChildProcessError):  # a spawn server's child, or another daemon's: not ours to reap
            os.waitid(os.P_PIDFD, shim.pidfd, os.WEXITED | os.WNOHANG)
        self._listen()  # what it said before it went comes before its end
        if shim in self._shims.get(run_id, ()):
            self._remove(run_id, shim)
            shim.dismiss()
        self._tell(run_id)

"""The executor of this machine: has a shim made for each run, and says what became of it.

The daemon never forks: a spawn server forks shims (spawning.py), or they are executed. What a run needs before that is
got by preparing.py; its shim is watched by watching.py.
"""

import errno
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import anyio
import anyio.to_thread
import structlog

from orchestrator.executors import world
from orchestrator.executors.interface import (
    Alive,
    Ended,
    LaunchSpec,
    Ledger,
    LogExtent,
    Lost,
    Over,
    Revoked,
    Sighting,
    Stream,
    Unclaimed,
    Usage,
)
from orchestrator.executors.local import cgroups, ledger, leftovers, usage
from orchestrator.executors.local.cgroups import Cgroups
from orchestrator.executors.local.preparing import Preparing
from orchestrator.executors.local.run_directory import Held, RunDirectory, prepare
from orchestrator.executors.local.shim_notices import Notice
from orchestrator.executors.local.shim_specs import ShimRules, spec_of
from orchestrator.executors.local.spares import Shim
from orchestrator.executors.local.spawning import Spawner
from orchestrator.executors.local.watching import Watching
from orchestrator.executors.world import Runtime
from orchestrator.model.errors import LaunchError, UnavailableError
from orchestrator.model.ids import JobRunId, parse_job_run_id
from orchestrator.reach import reach

log = structlog.stdlib.get_logger()

_PATIENCE_S: Final = 2.0
_LOOK_INTERVAL_S: Final = 0.01
_OUR_TROUBLE: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM})
"""What says nothing about the run: the daemon is short of something, and the same launch may succeed later."""


def _nobody_listens(run_id: JobRunId) -> None:
    """Let it go: whoever will listen looks at every run first."""


_SAID: Final[Mapping[str, Sighting]] = MappingProxyType({"started": Alive(), "over": Over()})


class LocalExecutor:
    """Runs as processes of this machine."""

    def __init__(
        self,
        runs: Path,
        settings: world.WorldSettings,
        *,
        rules: ShimRules,
        cgroup: str,
    ) -> None:
        """Keep run directories below `runs`. To be used inside one event loop, and closed with `close`.

        `cgroup` is where the cgroups of scripts are (see `cgroups.take`).
        """
        self._runs = runs
        self._settings = settings
        self._rules = rules
        self._cgroup = cgroup
        self._cgroups: Cgroups | None = None
        self._watching = Watching(listen=self._listen, gone=self._gone)
        self._claimed: set[JobRunId] = set()  # those whose scripts were heard to be started, until their ends are seen
        self._refusals: dict[JobRunId, str] = {}
        self._preparing = Preparing(runs, settings)
        self._spawner: Spawner | None = None
        self._unforked: set[JobRunId] = set()  # those for which a server made no shim: the next one is executed
        self._happened: Callable[[JobRunId], None] = _nobody_listens

    async def start(self, runtimes: Sequence[Runtime] = ()) -> None:
        """Make ready what launches need, or go faster with: cgroups, the run directories' parents, the spawn server, templates."""
        self._cgroups = await anyio.to_thread.run_sync(cgroups.take, self._cgroup)  # before there are processes of ours
        if self._cgroups is not None:
            await anyio.to_thread.run_sync(self._cgroups.clear, self._is_abandoned)
        try:
            await anyio.to_thread.run_sync(prepare, self._runs)
        except OSError as error:  # a full disk: each launch tries again
            log.warning("run_directories_not_prepared", problem=str(error))
        self._spawning.start(runtimes)
        await self._preparing.start()

    async def launch(self, spec: LaunchSpec) -> None:
        """Have a shim made for the attempt; see `Executor.launch`.

        Where something is to be fetched or installed first, that is all that is done: the run is looked at again
        afterwards, for a stop may have come meanwhile, and the next launch spawns.
        """
        self._refusals.pop(spec.run_id, None)
        try:
            if self._preparing.is_due(spec):
                await self._preparing.prepare(spec)
                self._happened(spec.run_id)
                return
            directory = RunDirectory(self._runs, spec.run_id)
            script_world = world.build(spec, self._settings, directory.path, self._preparing.environment(spec.run_id))
            directory.create()
            if script_world.user is not None:
                directory.let_through()
            task = spec_of(
                spec, script_world, directory, rules=self._rules, settings=self._settings, group=self._cgroups
            )
            reach("spawn.prepared")
            is_unforked = spec.run_id in self._unforked
            self._unforked.discard(spec.run_id)
            if is_unforked or not self._spawning.spawn(directory.path, task, script_world.runtime):
                pid, pidfd = await anyio.to_thread.run_sync(self._execute, directory, task)
                self._watching.add(spec.run_id, Shim(pid, pidfd))
            reach("spawn.spawned")
        except OSError as error:
            message = f"The run could not be started: {error}"
            if error.errno in _OUR_TROUBLE:
                raise UnavailableError(message) from error
            raise LaunchError(message) from error

    async def find(self, run_id: JobRunId) -> Sighting:
        """Look at the run directory, and begin to watch a live shim; see `Executor.find`."""
        said = self._watching.said(run_id)
        if said is not None:
            return said
        directory = RunDirectory(self._runs, run_id)
        until = anyio.current_time() + _PATIENCE_S
        while True:
            seen = directory.look()
            match seen:
                case Held(pid):
                    self._preparing.begun(run_id)
                    if self._watching.adopt(run_id, pid, directory):
                        return Alive()
                    if directory.look() != seen:
                        continue
                    # Not who is named holds the lock: what a dead shim has just forked, and it lets go, or nobody of ours.
                    if anyio.current_time() > until:
                        return Lost("its claim cannot be read")
                    await anyio.sleep(_LOOK_INTERVAL_S)
                case Unclaimed():
                    return Unclaimed(self._refusals.get(run_id), run_id in self._claimed)
                case Revoked() | Ended() | Lost():
                    self._claimed.discard(run_id)
                    self._preparing.let_go(run_id)
                    self._unforked.discard(run_id)
                    return seen

    def watch(self, happened: Callable[[JobRunId], None]) -> None:
        """Tell `happened` from now on; see `Executor.watch`."""
        self._happened = happened

    async def request_stop(self, run_id: JobRunId) -> None:
        """Send SIGTERM to the shim that has the claim; see `Executor.request_stop`."""
        seen = self._watching.said(run_id) or RunDirectory(self._runs, run_id).look()
        for shim in self._watching.shims(run_id):
            # One that was heard to run the script is its shim, whatever became of the claim.
            if isinstance(seen, Alive) or (isinstance(seen, Held) and shim.pid == seen.pid):
                shim.stop()

    async def revoke(self, run_id: JobRunId, reason: str) -> bool:
        """Take the claim; see `Executor.revoke`."""
        self._preparing.let_go(run_id)
        try:
            is_revoked = RunDirectory(self._runs, run_id).revoke(reason)
        except OSError as error:
            message = f"the claim of {run_id} cannot be revoked now: {error}"
            raise UnavailableError(message) from error
        self._claimed.discard(run_id)
        self._unforked.discard(run_id)
        self._refusals.pop(run_id, None)
        return is_revoked

    async def sweep(self, run_id: JobRunId) -> None:
        """Kill what is in the run's cgroup, and what carries its mark; see `Executor.sweep`."""
        if self._cgroups is not None:
            await anyio.to_thread.run_sync(self._cgroups.sweep, run_id)
        await anyio.to_thread.run_sync(leftovers.sweep, str(run_id))
        await anyio.to_thread.run_sync(RunDirectory(self._runs, run_id).drop_reserves)

    async def read_log(self, run_id: JobRunId, stream: Stream, *, offset: int, limit: int) -> bytes:
        """Read a log file; see `Executor.read_log`."""
        logs = RunDirectory(self._runs, run_id).logs
        return await anyio.to_thread.run_sync(lambda: logs.read(stream, offset=offset, limit=limit))

    async def log_extent(self, run_id: JobRunId, stream: Stream) -> LogExtent:
        """Look at a log file and its times; see `Executor.log_extent`."""
        return await anyio.to_thread.run_sync(RunDirectory(self._runs, run_id).logs.extent, stream)

    async def ledger(self, run_id: JobRunId) -> Ledger:
        """Read the claim and the ending; see `Executor.ledger`."""
        return await anyio.to_thread.run_sync(ledger.read, self.place(run_id))

    async def stored_bytes(self, run_id: JobRunId) -> int:
        """Add up the files; see `Executor.stored_bytes`."""
        return await anyio.to_thread.run_sync(RunDirectory(self._runs, run_id).stored_bytes)

    async def discard(self, run_id: JobRunId) -> bool:
        """Remove the run directory; see `Executor.discard`."""
        return await anyio.to_thread.run_sync(RunDirectory(self._runs, run_id).discard)

    async def usage(self, run_ids: Collection[JobRunId]) -> Mapping[JobRunId, Usage]:
        """Look at the runs' processes, in a thread; see `Executor.usage`.

        What was seen below a pid counts if its shim is alive and still the run's afterwards, so that the pid was its own.
        """
        watched = {run_id: shims for run_id in run_ids if (shims := self._watching.shims(run_id))}
        seen = await anyio.to_thread.run_sync(usage.of_runs, self._runs, watched, self._cgroups)
        still = {run_id: used for run_id, used in seen.items() if watched[run_id] == self._watching.shims(run_id)}
        ended = usage.ended({shim for run_id in still for shim in watched[run_id]})
        return {run_id: used for run_id, used in still.items() if ended.isdisjoint(watched[run_id])}

    def problem(self) -> str | None:
        """Ask the spawn server's keeper; see `Executor.problem`."""
        return self._spawning.problem()

    def place(self, run_id: JobRunId) -> str:
        """Return the run directory's path."""
        return str(RunDirectory(self._runs, run_id).path)

    def preparations(self) -> Mapping[JobRunId, str]:
        """Return the runs whose modules are being installed; see `Executor.preparations`."""
        return self._preparing.waiting

    def capacity(self) -> float | None:
        """Return None: the configured slots are the only limit here."""
        return None

    def close(self) -> None:
        """Stop watching. The shims live on."""
        self._watching.close()
        if self._spawner is not None:
            self._spawner.close()
        self._preparing.close()

    def _is_abandoned(self, run_id: JobRunId) -> bool:
        """Say whether it is a run of ours, and nobody holds it."""
        directory = RunDirectory(self._runs, run_id)
        return directory.path.is_dir() and not directory.is_held()

    def _execute(self, directory: RunDirectory, task: dict[str, Any]) -> tuple[int, int]:
        directory.write_spec(task)
        return self._spawning.execute(directory.path)

    @property
    def _spawning(self) -> Spawner:
        if self._spawner is None:
            self._spawner = Spawner(self._heard)
        return self._spawner

    def _listen(self) -> None:
        self._spawning.listen()

    def _gone(self, run_id: JobRunId) -> None:
        self._happened(run_id)

    def _heard(self, notice: Notice) -> None:
        """Take what a shim says, or a server of one that it could not make."""
        run_id = parse_job_run_id(notice.run_id)
        if run_id is None:  # nothing of ours
            if notice.shim is not None:
                notice.shim.dismiss()
            return
        if notice.shim is not None:
            self._watching.add(run_id, notice.shim)
            if notice.word == "begun":  # and that is all: the next word comes soon
                return
        self._heard_of_script(run_id, notice)
        if notice.word == "unforked":
            self._unforked.add(run_id)
            if notice.more:  # as where there is no room for a process: executing one tells, and waits for it
                log.warning("shim_not_forked", run=notice.run_id, problem=notice.more)
        if notice.word == "refused":
            self._refusals[run_id] = f"The run could not be started: {notice.more}"
        self._happened(run_id)

    def _heard_of_script(self, run_id: JobRunId, notice: Notice) -> None:
        """Take in how far a run has come, which then need not be looked at."""
        if notice.word in _SAID and self._watching.hear(run_id, notice.pid, _SAID[notice.word]):
            self._claimed.add(run_id)
        if notice.word == "ended":
            for shim in self._watching.release(run_id, notice.pid):
                self._spawning.take_back(shim)

"""The executor of this machine: has a shim made for each run and watches it by its pidfd.

The daemon never forks: a spawn server forks shims (spawning.py), or they are executed. They are waited for by pidfd, in
the event loop, without a thread or a task for each. A shim that another daemon had made is watched the same way.
"""

import asyncio
import errno
import os
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import anyio
import anyio.to_thread
import structlog

from orchestrator.executors import s3, world
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
from orchestrator.executors.local.environment_files import EnvironmentFiles
from orchestrator.executors.local.environments import Environments, UnmadeError
from orchestrator.executors.local.executing import SHIM
from orchestrator.executors.local.run_directory import Held, RunDirectory, prepare
from orchestrator.executors.local.spares import Shim
from orchestrator.executors.local.spawning import Notice, Spawner
from orchestrator.executors.world import Runtime
from orchestrator.model.errors import LaunchError, UnavailableError
from orchestrator.model.ids import JobRunId, parse_job_run_id
from orchestrator.model.limits import LimitRules, of_run
from orchestrator.reach import reach

__all__ = ["SHIM", "LocalExecutor"]

log = structlog.stdlib.get_logger()

ENVIRONMENTS: Final = "environments"
"""Where, beside the runs' directories, the environments of modules are."""
_FETCHES: Final = 8  # at once
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
        stop_grace_s: float,
        log_limit_bytes: int,
        open_files_limit: int,
        limits: LimitRules,
        cgroup: str,
    ) -> None:
        """Keep run directories below `runs`. To be used inside one event loop, and closed with `close`.

        `open_files_limit` is the soft limit that scripts get; `cgroup` is where their cgroups are (see `cgroups.take`).
        """
        self._runs = runs
        self._settings = settings
        self._stop_grace_s = stop_grace_s
        self._log_limit_bytes = log_limit_bytes
        self._open_files_limit = open_files_limit
        self._limits = limits
        self._cgroup = cgroup
        self._cgroups: Cgroups | None = None
        self._shims: dict[JobRunId, list[Shim]] = {}
        self._said: dict[JobRunId, Sighting] = {}  # of those that are watched: what need not be looked at
        self._claimed: set[JobRunId] = set()  # those whose scripts were heard to be started, until their ends are seen
        self._refusals: dict[JobRunId, str] = {}
        self._prepared: dict[JobRunId, Path | None] = {}  # those that wait for their launch with all that it needs
        files = EnvironmentFiles(runs.parent / ENVIRONMENTS, lambda run_id: RunDirectory(runs, run_id).is_held())
        self._environments = Environments(files, settings.environments)
        self._fetchers = anyio.CapacityLimiter(_FETCHES)
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
        await self._environments.start()
        self._tidy()

    async def launch(self, spec: LaunchSpec) -> None:
        """Have a shim made for the attempt; see `Executor.launch`.

        Where something is to be fetched or installed first, that is all that is done: the run is looked at again
        afterwards, for a stop may have come meanwhile, and the next launch spawns.
        """
        self._refusals.pop(spec.run_id, None)
        try:
            if spec.run_id not in self._prepared and self._needs_preparing(spec):
                self._prepared[spec.run_id] = await self._prepare(spec)
                self._happened(spec.run_id)
                return
            directory = RunDirectory(self._runs, spec.run_id)
            script_world = world.build(spec, self._settings, directory.path, self._prepared.get(spec.run_id))
            directory.create()
            if script_world.user is not None:
                directory.let_through()
            task = self._task(spec, script_world, directory)
            reach("spawn.prepared")
            is_unforked = spec.run_id in self._unforked
            self._unforked.discard(spec.run_id)
            if is_unforked or not self._spawning.spawn(directory.path, task, script_world.runtime):
                pid, pidfd = await anyio.to_thread.run_sync(self._execute, directory, task)
                self._watch(spec.run_id, Shim(pid, pidfd))
            reach("spawn.spawned")
        except OSError as error:
            message = f"The run could not be started: {error}"
            if error.errno in _OUR_TROUBLE:
                raise UnavailableError(message) from error
            raise LaunchError(message) from error

    async def find(self, run_id: JobRunId) -> Sighting:
        """Look at the run directory, and begin to watch a live shim; see `Executor.find`."""
        if run_id in self._said:
            return self._said[run_id]
        directory = RunDirectory(self._runs, run_id)
        until = anyio.current_time() + _PATIENCE_S
        while True:
            seen = directory.look()
            match seen:
                case Held(pid):
                    self._prepared.pop(run_id, None)
                    if self._adopt(run_id, pid, directory):
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
                    self._let_go(run_id)
                    self._unforked.discard(run_id)
                    return seen

    def watch(self, happened: Callable[[JobRunId], None]) -> None:
        """Tell `happened` from now on; see `Executor.watch`."""
        self._happened = happened

    async def request_stop(self, run_id: JobRunId) -> None:
        """Send SIGTERM to the shim that has the claim; see `Executor.request_stop`."""
        seen = self._said.get(run_id) or RunDirectory(self._runs, run_id).look()
        for shim in self._shims.get(run_id, ()):
            # One that was heard to run the script is its shim, whatever became of the claim.
            if isinstance(seen, Alive) or (isinstance(seen, Held) and shim.pid == seen.pid):
                shim.stop()

    async def revoke(self, run_id: JobRunId, reason: str) -> bool:
        """Take the claim; see `Executor.revoke`."""
        self._let_go(run_id)
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
        directory = RunDirectory(self._runs, run_id)
        return await anyio.to_thread.run_sync(lambda: directory.read_log(stream, offset=offset, limit=limit))

    async def log_extent(self, run_id: JobRunId, stream: Stream) -> LogExtent:
        """Look at a log file and its times; see `Executor.log_extent`."""
        return await anyio.to_thread.run_sync(RunDirectory(self._runs, run_id).log_extent, stream)

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
        watched = {run_id: tuple(self._shims[run_id]) for run_id in run_ids if run_id in self._shims}
        seen = await anyio.to_thread.run_sync(usage.of_runs, self._runs, watched, self._cgroups)
        still = {run_id: used for run_id, used in seen.items() if watched[run_id] == tuple(self._shims.get(run_id, ()))}
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
        return self._environments.waiting

    def capacity(self) -> float | None:
        """Return None: the configured slots are the only limit here."""
        return None

    def close(self) -> None:
        """Stop watching. The shims live on."""
        for run_id, shims in list(self._shims.items()):
            for shim in list(shims):
                self._unwatch(run_id, shim)
                shim.dismiss()
        if self._spawner is not None:
            self._spawner.close()
        self._environments.close()

    def _needs_preparing(self, spec: LaunchSpec) -> bool:
        return world.needs_fetching(spec, self._settings) or world.needs_modules(spec, self._settings)

    async def _prepare(self, spec: LaunchSpec) -> Path | None:
        """Fetch and install what the run needs; return the environment of its modules, if it has any."""
        if world.needs_fetching(spec, self._settings):
            async with self._fetchers:
                await s3.fetch_apart(partial(self._fetch, spec))
        directory = RunDirectory(self._runs, spec.run_id)
        script_world = world.build(spec, self._settings, directory.path)
        if script_world.modules is None:
            return None
        self._tidy()
        if script_world.user is not None:
            directory.create()
            directory.let_through()
        try:
            return await self._environments.lend(spec.run_id, script_world.modules, script_world.user)
        except UnmadeError as error:
            await anyio.to_thread.run_sync(directory.write_log, "stderr", error.output)
            raise

    def _tidy(self) -> None:
        """Look, now and then, for environments that have gone out of use; nobody waits for that, not the daemon's end."""
        if self._environments.is_tidying_due():
            threading.Thread(target=self._environments.tidy, name="tidy", daemon=True).start()

    def _let_go(self, run_id: JobRunId) -> None:
        self._prepared.pop(run_id, None)
        self._environments.give_back(run_id)

    def _fetch(self, spec: LaunchSpec) -> None:
        directory = RunDirectory(self._runs, spec.run_id)
        script_world = world.build(spec, self._settings, directory.path)
        directory.create()
        s3.fetch(script_world.fetches, self._settings.s3)
        if script_world.user is not None:
            directory.lend(s3.FETCHED, script_world.user.gid)

    def _is_abandoned(self, run_id: JobRunId) -> bool:
        """Say whether it is a run of ours, and nobody holds it."""
        directory = RunDirectory(self._runs, run_id)
        return directory.path.is_dir() and not directory.is_held()

    def _task(self, spec: LaunchSpec, script_world: world.World, directory: RunDirectory) -> dict[str, Any]:
        """Return what the shim shall do."""
        group = self._cgroups
        limits = of_run(spec.dpu, self._limits, group.controllers if group else ())
        user, roots = script_world.user, self._settings.script_roots
        is_root = os.geteuid() == 0 and user is None
        return {
            "v": 1,
            "run_id": str(spec.run_id),
            "script": str(script_world.script),
            "argv": script_world.argv,
            "environment": script_world.environment,
            "work": str(directory.path / "work"),
            "timeout_s": spec.timeout_s,
            "stop_grace_s": self._stop_grace_s,
            "log_limit_bytes": self._log_limit_bytes,
            "open_files_limit": self._open_files_limit,
            "limits": {
                "group": str(group.of_run(spec.run_id)) if group else None,
                "files": dict(limits.files),
                "nice": limits.nice,
                "data_bytes": limits.data_bytes,
            },
            "user": user and {"name": user.name, "uid": user.uid, "gid": user.gid, "groups": user.groups},
            "script_rules": {
                "roots": [*map(str, [*roots, directory.path / s3.FETCHED] if roots else ())],
                "owner": 0 if is_root and not roots else None,
            },
            "bookmark": {
                "version": spec.bookmark.version,
                "text": spec.bookmark.text,
                "to_text": spec.bookmark.to_text,
                "is_written": spec.bookmark.is_written,
            },
        }

    def _execute(self, directory: RunDirectory, task: dict[str, Any]) -> tuple[int, int]:
        directory.write_spec(task)
        return self._spawning.execute(directory.path)

    @property
    def _spawning(self) -> Spawner:
        if self._spawner is None:
            self._spawner = Spawner(self._heard)
        return self._spawner

    def _heard(self, notice: Notice) -> None:
        """Take what a shim says, or a server of one that it could not make."""
        run_id = parse_job_run_id(notice.run_id)
        if run_id is None:  # nothing of ours
            if notice.shim is not None:
                notice.shim.dismiss()
            return
        if notice.shim is not None:
            self._watch(run_id, notice.shim)
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
        if notice.word in _SAID and self._watched(run_id, notice.pid):
            self._claimed.add(run_id)
            self._said[run_id] = _SAID[notice.word]
        if notice.word == "ended":
            self._take_back(run_id, notice.pid)

    def _adopt(self, run_id: JobRunId, pid: int, directory: RunDirectory) -> bool:
        """Watch the shim that holds the claim. False if it went in between, so that one has to look again."""
        if self._watched(run_id, pid):
            return True
        try:
            pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            return False
        # Only now is it sure that the pidfd is not a stranger's: one under the same number, or one that the script named.
        if not (directory.is_held() and directory.is_place_of(pid)):
            os.close(pidfd)
            return False
        self._watch(run_id, Shim(pid, pidfd))
        return True

    def _watch(self, run_id: JobRunId, shim: Shim) -> None:
        for other in self._watched(run_id, shim.pid):  # it was seen by its claim before it was heard
            self._unwatch(run_id, other)
            other.dismiss()
        self._shims.setdefault(run_id, []).append(shim)
        asyncio.get_running_loop().add_reader(shim.pidfd, self._gone, run_id, shim)

    def _unwatch(self, run_id: JobRunId, shim: Shim) -> None:
        self._said.pop(run_id, None)
        asyncio.get_running_loop().remove_reader(shim.pidfd)
        shims = self._shims[run_id]
        shims.remove(shim)
        if not shims:
            del self._shims[run_id]

    def _watched(self, run_id: JobRunId, pid: int) -> list[Shim]:
        return [shim for shim in self._shims.get(run_id, ()) if shim.pid == pid]

    def _take_back(self, run_id: JobRunId, pid: int) -> None:
        """Let a shim that can serve another run go from this one: from here on, no stop of this run reaches it."""
        self._said.pop(run_id, None)
        for shim in self._watched(run_id, pid):
            if shim.requests is not None:
                self._unwatch(run_id, shim)
                self._spawning.take_back(shim)

    def _gone(self, run_id: JobRunId, shim: Shim) -> None:
        with suppress(ChildProcessError):  # a spawn server's child, or another daemon's: not ours to reap
            os.waitid(os.P_PIDFD, shim.pidfd, os.WEXITED | os.WNOHANG)
        self._spawning.listen()  # what it said before it went comes before its end
        if shim in self._shims.get(run_id, ()):
            self._unwatch(run_id, shim)
            shim.dismiss()
        self._happened(run_id)

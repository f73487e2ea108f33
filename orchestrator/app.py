"""The composition root: makes the daemon's parts, starts them in order, and ends them in order.

Ending it never ends a run: the scripts belong to their shims, and the next daemon takes them up.
"""

import os
import random
import resource
import signal
import socket
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from orchestrator import __version__
from orchestrator.executors.local.launcher import LocalExecutor
from orchestrator.executors.world import Runtime, WorldSettings, shared_runtimes
from orchestrator.faces import access_keys, health, http, metrics, notices, sockets
from orchestrator.faces.console import routes as console
from orchestrator.faces.definition_files import DefinitionFiles
from orchestrator.faces.loop_lag import LoopLag
from orchestrator.faces.people import events
from orchestrator.faces.service_manager import notify, tell_status, tell_watchdog
from orchestrator.faces.sigv4 import AccessKey
from orchestrator.faces.unit import warn_of_kill_mode
from orchestrator.faces.worlds import world_settings
from orchestrator.logging import configure
from orchestrator.model.errors import (
    LaunchError,
    StateDirectoryHeldError,
    StoreBrokenError,
    StoreDamagedError,
    StoreError,
    StoreFullError,
    StoreRefusedError,
)
from orchestrator.model.ids import BASE_BYTES
from orchestrator.model.limits import LimitRules
from orchestrator.model.policy import Policy, RetryDelay
from orchestrator.model.queue import Limits
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.operations.send_notices import Outlet, Telling, send_notices
from orchestrator.operations.tell_events import tell_events
from orchestrator.settings import Settings, SettingsError
from orchestrator.store import sqlite_version
from orchestrator.store.database import Database, open_database
from orchestrator.store.state_directory import StateDirectory, hold
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.lifetime import Surroundings
from orchestrator.supervisor.means import Means
from orchestrator.supervisor.retention import Retention
from orchestrator.supervisor.sampling import Sampling
from orchestrator.supervisor.supervisor import Supervisor
from orchestrator.supervisor.timetable import Timetable

log = structlog.stdlib.get_logger()

EX_UNAVAILABLE: Final = 69
EX_IOERR: Final = 74
EX_TEMPFAIL: Final = 75
EX_CONFIG: Final = 78
_MS_PER_NS: Final = 1_000_000
_REFUSALS: Final[dict[type[Exception], tuple[str, int]]] = {
    SettingsError: ("keys_refused", EX_CONFIG),
    StateDirectoryHeldError: ("state_directory_held", EX_TEMPFAIL),
    StoreRefusedError: ("store_refused", EX_CONFIG),
    StoreError: ("store_unusable", EX_IOERR),
    sockets.AddressError: ("address_unavailable", EX_UNAVAILABLE),
}
"""What keeps us from serving: how it is told, and the exit code."""


def serve(settings: Settings, *, with_parent: bool) -> int:
    """Be the daemon until a signal ends it; return the exit code.

    0 after SIGTERM or SIGINT, 69 if the address cannot be had, 74 if the store failed, 75 if another daemon holds the
    state directory, 78 if the state directory cannot be used as it is. `with_parent` ends it when its standard input does,
    of which the process that started it holds the other end.
    """
    configure(settings.log_level, settings.log_format, Redaction(settings.access.redact))
    os.umask(0o077)
    if os.geteuid() == 0 and not (settings.runs.allow_root or settings.runs.run_as):
        log.warning("root_runs_nothing", hint="[runs] run_as or allow_root; or start the orchestrator as another user")
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # ignored, it would reap our shims before we can
    files, most_files = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(
        resource.RLIMIT_NOFILE, (most_files, most_files)
    )  # for many connections; scripts get what it was
    try:
        keys, outlets = access_keys.load(settings.access), notices.load(settings)
        with hold(settings.state_dir) as directory, sockets.listening(settings) as listeners:
            main = partial(_run, settings, keys, directory, listeners, outlets=outlets)
            anyio.run(partial(main, open_files_limit=files, with_parent=with_parent))
    except tuple(_REFUSALS) as error:
        event, code = next(told for kind, told in _REFUSALS.items() if isinstance(error, kind))
        log.error(event, problem=str(error))  # noqa: TRY400 - the sentence says all
        return code
    except BaseExceptionGroup as group:
        damaged: BaseException | None = group.subgroup(StoreDamagedError)
        if damaged is not None:
            while isinstance(damaged, BaseExceptionGroup):
                damaged = damaged.exceptions[0]
            log.error("store_refused", problem=str(damaged))  # noqa: TRY400
            return EX_CONFIG
        if group.subgroup(StoreBrokenError) is None:
            raise
        log.exception("store_broken")
        return EX_IOERR
    return 0


async def _run(
    settings: Settings,
    keys: Mapping[str, AccessKey],
    directory: StateDirectory,
    listeners: list[socket.socket],
    *,
    outlets: Sequence[Outlet],
    open_files_limit: int,
    with_parent: bool,
) -> None:
    notify("STATUS=reads its state")
    heard = metrics.Metrics()
    store = open_database(
        directory.database,
        operation_timeout_s=settings.operation_timeout_s,
        quick_s=settings.quick_commit_ms / 1000,
    )
    async with store as database:
        database.on_flush = heard.committed
        worlds = world_settings(settings, _endpoint_url(settings, listeners[0]), keys)
        executor = LocalExecutor(
            directory.runs,
            worlds,
            stop_grace_s=settings.runs.stop_grace_s,
            log_limit_bytes=settings.runs.log_limit_bytes,
            open_files_limit=open_files_limit,
            limits=LimitRules(
                memory_bytes_per_dpu=settings.limits.memory_bytes_per_dpu, processes=settings.limits.processes
            ),
            cgroup=settings.limits.cgroup,
        )
        try:
            await executor.start(_shared_runtimes(worlds))
            async with anyio.create_task_group() as tasks:
                await tasks.start(database.serve)
                async with anyio.create_task_group() as companions:
                    if with_parent:
                        companions.start_soon(_end_with_parent)
                    await heard.begin(database)
                    await _serve(
                        settings, keys, database, executor, listeners, outlets=outlets, directory=directory, heard=heard
                    )
                    companions.cancel_scope.cancel()
                database.close()
        finally:
            executor.close()


async def _serve(
    settings: Settings,
    keys: Mapping[str, AccessKey],
    database: Database,
    executor: LocalExecutor,
    listeners: list[socket.socket],
    *,
    outlets: Sequence[Outlet],
    directory: StateDirectory,
    heard: metrics.Metrics,
) -> None:
    capacity = settings.capacity
    means = Means(policy=_policy(settings), new_base=lambda: os.urandom(BASE_BYTES))
    around = Surroundings(
        database=database,
        executor=executor,
        now_ms=_now_ms,
        means=means,
        changed=Bell(),
        ended=Bell(),
        timed=Bell(),
        observer=heard,
    )
    limits = Limits(
        dpus=capacity.dpus,
        max_processes=capacity.max_processes,
        order=capacity.order,
        max_queued=capacity.max_queued,
    )
    supervisor = Supervisor(around, limits)
    committed = Bell()
    database.on_commit = committed.ring
    timetable = Timetable(around, supervisor.fired)
    keeping = settings.retention
    ctx = Context(
        database=database,
        supervisor=supervisor,
        executor=executor,
        now_ms=_now_ms,
        means=means,
        committed=committed,
        closing=anyio.Event(),
        observer=heard,
        files=DefinitionFiles(settings),
    )
    sampling = Sampling(around, lambda: supervisor.carried, supervisor.occupied)
    feed = events.Feed(ctx, Redaction(settings.access.redact))
    lag = LoopLag(heard.late)
    more = [
        *console.routes(ctx, settings.console, region=settings.region, token=means.new_base().hex()),
        *events.routes(ctx, feed),
        *health.routes(ctx, lag, directory.path),
        *metrics.routes(ctx, heard, sampling, lag, directory.database),
    ]
    face = http.HttpFace(
        http.gate(ctx, access=settings.access, host=settings.own_host, keys=keys, more=more), listeners
    )
    async with anyio.create_task_group() as tasks:
        await _define(ctx)
        await tasks.start(tell_events, ctx, settings.region)
        await tasks.start(send_notices, ctx, outlets, _telling(settings))
        await tasks.start(supervisor.serve)
        tasks.start_soon(timetable.serve)
        tasks.start_soon(feed.serve)
        tasks.start_soon(sampling.serve)
        tasks.start_soon(Retention(around, days=keeping.days, file_bytes=keeping.log_bytes).serve)
        async with anyio.create_task_group() as calls:
            await calls.start(_heed_signals, ctx, face, calls)
            await calls.start(face.serve)
            endpoint_url = _endpoint_url(settings, listeners[0])
            if (problem := sqlite_version.weakness()) is not None:
                log.info("sqlite_is_old", version=sqlite_version.LINKED, problem=problem)
            log.info("serving", endpoint_url=endpoint_url, state_dir=str(settings.state_dir), version=__version__)
            notify("READY=1")
            tasks.start_soon(tell_watchdog)
            tasks.start_soon(warn_of_kill_mode)
            tasks.start_soon(tell_status, supervisor.dispatched, supervisor.load)
        tasks.cancel_scope.cancel()  # the supervisor's watching ends; the runs do not
    log.info("stopped")


async def _heed_signals(
    ctx: Context,
    face: http.HttpFace,
    calls: TaskGroup,
    *,
    task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """SIGHUP reads the files of jobs and triggers again; SIGTERM and SIGINT end the daemon, twice to end it without waiting for calls."""
    with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
        task_status.started()
        is_stopping = False
        async for number in signals:
            if number == signal.SIGHUP:
                calls.start_soon(_reload, ctx)  # a task of its own: it may wait for the store, SIGTERM may not
                continue
            if is_stopping:
                calls.cancel_scope.cancel()
                return
            is_stopping = True
            log.info("stopping", signal=signal.Signals(number).name)
            notify("STOPPING=1\nSTATUS=answers the calls under way; the runs go on")
            ctx.closing.set()
            ctx.supervisor.changed.ring()  # those who wait for a change look up, and are answered
            calls.start_soon(_end, face, calls)


async def _reload(ctx: Context) -> None:
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
    await _define(ctx)
    notify("READY=1")


async def _end_with_parent() -> None:
    """Ask ourselves to end when standard input does: the kernel closes its other end with the process that held it."""
    await anyio.wait_readable(0)
    os.kill(os.getpid(), signal.SIGTERM)


async def _end(face: http.HttpFace, calls: TaskGroup) -> None:
    face.stop()
    await face.stopped.wait()
    calls.cancel_scope.cancel()


async def _define(ctx: Context) -> None:
    """Take in the job files and the trigger file; a full disk leaves jobs and triggers as they were."""
    try:
        await ctx.files(ctx, False)
    except StoreFullError as error:
        log.error("files_not_taken_in", problem=str(error), consequence="jobs and triggers stay as they were")  # noqa: TRY400


def _policy(settings: Settings) -> Policy:
    chosen, retries = settings.triggers, settings.retries
    return Policy(
        cap_dpu=settings.capacity.dpus,
        on_busy=chosen.on_busy,
        catch_up=chosen.catch_up,
        fire_on_manual_runs=chosen.fire_on_manual_runs,
        strict_schedules=chosen.strict_schedules,
        retry_delay=RetryDelay(first_s=retries.first_delay_s, factor=retries.factor, longest_s=retries.longest_delay_s),
    )


def _telling(settings: Settings) -> Telling:
    return Telling(
        region=settings.region, redaction=Redaction(settings.access.redact), chance=random.SystemRandom().random
    )


def _shared_runtimes(settings: WorldSettings) -> list[Runtime]:
    """Return the templates to make at the start. A mistake in one is `check`'s to explain, and its runs' to fail with."""
    try:
        return shared_runtimes(settings)
    except LaunchError as error:
        log.warning("runtimes_not_started", problem=str(error))
        return []


def _endpoint_url(settings: Settings, listener: socket.socket) -> str:
    host, port = settings.own_host, listener.getsockname()[1]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _now_ms() -> int:
    return time.time_ns() // _MS_PER_NS

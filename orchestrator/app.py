"""The daemon: its parts are started in order, and ended in order.

Ending it never ends a run: the scripts belong to their shims, and the next daemon takes them up.
"""

import os
import resource
import signal
import time
from functools import partial
from typing import Final

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus

from orchestrator import __version__
from orchestrator.executors.world import Runtime, WorldSettings, shared_runtimes
from orchestrator.faces import access_keys, http, metrics, notices, sockets
from orchestrator.faces.service_manager import notify, tell_status, tell_watchdog
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
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.operations.send_notices import send_notices
from orchestrator.operations.tell_events import tell_events
from orchestrator.parts import Given, Parts, assembled, local_executor, telling
from orchestrator.settings import Settings, SettingsError
from orchestrator.store import sqlite_version
from orchestrator.store.database import open_database
from orchestrator.store.state_directory import hold

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
            given = Given(
                settings=settings,
                keys=keys,
                outlets=outlets,
                directory=directory,
                listeners=listeners,
                heard=metrics.Metrics(),
            )
            anyio.run(partial(_run, given, open_files_limit=files, with_parent=with_parent))
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


async def _run(given: Given, *, open_files_limit: int, with_parent: bool) -> None:
    notify("STATUS=reads its state")
    settings = given.settings
    store = open_database(
        given.directory.database,
        operation_timeout_s=settings.operation_timeout_s,
        quick_s=settings.quick_commit_ms / 1000,
    )
    async with store as database:
        database.on_flush = given.heard.committed
        worlds = world_settings(settings, given.endpoint_url, given.keys)
        executor = local_executor(given, worlds, open_files_limit=open_files_limit)
        try:
            await executor.start(_shared_runtimes(worlds))
            async with anyio.create_task_group() as tasks:
                await tasks.start(database.serve)
                async with anyio.create_task_group() as companions:
                    if with_parent:
                        companions.start_soon(_end_with_parent)
                    parts = assembled(given, database, executor)
                    await given.heard.begin(parts.ctx)
                    await _serve(given, parts)
                    companions.cancel_scope.cancel()
                database.close()
        finally:
            executor.close()


async def _serve(given: Given, parts: Parts) -> None:
    settings, ctx = given.settings, parts.ctx
    async with anyio.create_task_group() as tasks:
        await _define(ctx)
        await tasks.start(tell_events, ctx, settings.region)
        await tasks.start(send_notices, ctx, given.outlets, telling(settings))
        await tasks.start(parts.supervisor.serve)
        for serves in (parts.timetable.serve, parts.feed.serve, parts.sampling.serve, parts.retention.serve):
            tasks.start_soon(serves)
        async with anyio.create_task_group() as calls:
            await calls.start(_heed_signals, ctx, parts.face, calls)
            await calls.start(parts.face.serve)
            if (problem := sqlite_version.weakness()) is not None:
                log.info("sqlite_is_old", version=sqlite_version.LINKED, problem=problem)
            log.info("serving", endpoint_url=given.endpoint_url, state_dir=str(settings.state_dir), version=__version__)
            notify("READY=1")
            tasks.start_soon(tell_watchdog)
            tasks.start_soon(warn_of_kill_mode)
            tasks.start_soon(tell_status, parts.supervisor.dispatched, parts.supervisor.load)
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


def _shared_runtimes(settings: WorldSettings) -> list[Runtime]:
    """Return the templates to make at the start. A mistake in one is `check`'s to explain, and its runs' to fail with."""
    try:
        return shared_runtimes(settings)
    except LaunchError as error:
        log.warning("runtimes_not_started", problem=str(error))
        return []

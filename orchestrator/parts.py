"""The parts of a daemon, made from its settings and put together. Nothing runs here; app.py starts and ends them."""

import os
import random
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import anyio

from orchestrator.executors.local.launcher import LocalExecutor
from orchestrator.executors.local.shim_specs import ShimRules
from orchestrator.executors.world import WorldSettings
from orchestrator.faces import health, http, metrics
from orchestrator.faces.console import routes as console
from orchestrator.faces.definition_files import DefinitionFiles
from orchestrator.faces.loop_lag import LoopLag
from orchestrator.faces.people import events
from orchestrator.faces.sigv4 import AccessKey
from orchestrator.model.ids import BASE_BYTES
from orchestrator.model.limits import LimitRules
from orchestrator.model.policy import Policy, RetryDelay
from orchestrator.model.queue import Limits
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.operations.send_notices import Outlet, Telling
from orchestrator.settings import Settings
from orchestrator.store.database import Database
from orchestrator.store.state_directory import StateDirectory
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.means import Means
from orchestrator.supervisor.retention import Retention
from orchestrator.supervisor.sampling import Sampling
from orchestrator.supervisor.supervisor import Supervisor
from orchestrator.supervisor.surroundings import Surroundings
from orchestrator.supervisor.timetable import Timetable

_MS_PER_NS: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a daemon is made from: its settings, and what they name, found and held."""

    settings: Settings
    keys: Mapping[str, AccessKey]
    outlets: Sequence[Outlet]
    directory: StateDirectory
    listeners: list[socket.socket]
    heard: metrics.Metrics

    @property
    def endpoint_url(self) -> str:
        """Where this machine itself gets to us."""
        host, port = self.settings.own_host, self.listeners[0].getsockname()[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What serves."""

    ctx: Context
    supervisor: Supervisor
    timetable: Timetable
    sampling: Sampling
    retention: Retention
    feed: events.Feed
    face: http.HttpFace


def local_executor(given: Given, worlds: WorldSettings, *, open_files_limit: int) -> LocalExecutor:
    """Return what executes runs on this machine."""
    settings = given.settings
    return LocalExecutor(
        given.directory.runs,
        worlds,
        rules=ShimRules(
            stop_grace_s=settings.runs.stop_grace_s,
            log_limit_bytes=settings.runs.log_limit_bytes,
            open_files_limit=open_files_limit,
            limits=LimitRules(
                memory_bytes_per_dpu=settings.limits.memory_bytes_per_dpu, processes=settings.limits.processes
            ),
        ),
        cgroup=settings.limits.cgroup,
    )


def assembled(given: Given, database: Database, executor: LocalExecutor) -> Parts:
    """Put the parts together over an open store and an executor."""
    settings, heard = given.settings, given.heard
    around = Surroundings(
        database=database,
        executor=executor,
        now_ms=_now_ms,
        means=Means(policy=_policy(settings), new_base=lambda: os.urandom(BASE_BYTES)),
        changed=Bell(),
        ended=Bell(),
        timed=Bell(),
        observer=heard,
    )
    supervisor = Supervisor(around, _limits(settings))
    committed = Bell()
    database.on_commit = committed.ring
    ctx = Context(
        database=database,
        supervisor=supervisor,
        executor=executor,
        now_ms=_now_ms,
        means=around.means,
        committed=committed,
        closing=anyio.Event(),
        observer=heard,
        files=DefinitionFiles(settings),
    )
    sampling = Sampling(around, lambda: supervisor.carried, supervisor.occupied)
    feed = events.Feed(ctx, Redaction(settings.access.redact))
    keeping = settings.retention
    return Parts(
        ctx=ctx,
        supervisor=supervisor,
        timetable=Timetable(around, supervisor.fired),
        sampling=sampling,
        retention=Retention(around, days=keeping.days, file_bytes=keeping.log_bytes),
        feed=feed,
        face=_face(given, ctx, feed, sampling),
    )


def telling(settings: Settings) -> Telling:
    """Return how outlets are told."""
    return Telling(
        region=settings.region, redaction=Redaction(settings.access.redact), chance=random.SystemRandom().random
    )


def _face(given: Given, ctx: Context, feed: events.Feed, sampling: Sampling) -> http.HttpFace:
    settings, directory = given.settings, given.directory
    lag = LoopLag(given.heard.late)
    page = console.Page(region=settings.region, token=ctx.means.new_base().hex(), read_only=settings.console.read_only)
    more = [
        *(console.routes(ctx, page, Redaction(settings.access.redact)) if settings.console.enabled else []),
        *events.routes(ctx, feed),
        *health.routes(ctx, lag, directory.path),
        *metrics.routes(ctx, given.heard, sampling, lag, directory.database),
    ]
    gate = http.gate(ctx, access=settings.access, host=settings.own_host, keys=given.keys, more=more)
    return http.HttpFace(gate, given.listeners)


def _limits(settings: Settings) -> Limits:
    capacity = settings.capacity
    return Limits(
        dpus=capacity.dpus,
        max_processes=capacity.max_processes,
        order=capacity.order,
        max_queued=capacity.max_queued,
    )


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


def _now_ms() -> int:
    return time.time_ns() // _MS_PER_NS

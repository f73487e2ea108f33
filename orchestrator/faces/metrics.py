"""What the daemon does and how long that takes, as Prometheus reads it: GET /metrics. docs/metrics.md is the table of it.

What happens is counted as it happens, by plain calls (`Observer`); what there is, is looked up when somebody asks, in one
read of the store. No label has values that nobody bounds: jobs and runs are told by the other routes.
"""

import platform
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

import anyio
import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import choose_encoder
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator import __version__
from orchestrator.faces.loop_lag import LoopLag
from orchestrator.operations.context import Context
from orchestrator.operations.count_stored import Stored, count_stored, last_seq, store_version
from orchestrator.supervisor.observer import Observer
from orchestrator.supervisor.sampling import Sampling

_QUICK: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
_START: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_QUEUE: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15, 60, 300, 1800, 7200)
_LAG: Final = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 3600)
_MS_PER_S: Final = 1000

# A second series for each one, which says when this process has begun.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics(Observer):
    """All that is told. What it hears, it counts; the rest is set by `look`, and `told` returns the text."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.registry: Final = CollectorRegistry()
        self._last_seq = 0
        self._looking = anyio.Lock()
        self._looked_up = _LookedUp(self.registry)
        counter = partial(Counter, namespace="orchestrator", registry=self.registry)
        histogram = partial(Histogram, namespace="orchestrator", registry=self.registry)
        self._acknowledgement = histogram(
            "acknowledgement_seconds",
            "From a call of StartJobRun to its answer, which is after the commit.",
            buckets=_QUICK,
        )
        self._launch = histogram(
            "launch_seconds", "From the order to start a script to the news that it was started.", buckets=_START
        )
        self._start = histogram(
            "start_latency_seconds", "From the acceptance of a run to that news, with all waiting.", buckets=_QUEUE
        )
        self._commit = histogram(
            "commit_seconds", "What a commit of the store takes, the disk's flush included.", buckets=_QUICK
        )
        self._trigger_lag = histogram(
            "trigger_lag_seconds", "From the instant of a schedule to the commit of its firing.", buckets=_LAG
        )
        self._loop_lag = histogram(
            "event_loop_lag_seconds", "How late the event loop was, each second while somebody asks.", buckets=_QUICK
        )
        self._log_bytes = counter("log_bytes", "Output that was kept, of runs that have ended.")
        self._retired = counter("retired_runs", "Runs that were deleted for their age.")

    async def begin(self, ctx: Context) -> None:
        """Count ends from here on."""
        self._last_seq = await last_seq(ctx)

    def acknowledged(self, after_s: float) -> None:
        """See `Observer`."""
        self._acknowledgement.observe(after_s)

    def launched(self, *, accepted_s: float, asked_s: float) -> None:
        """See `Observer`."""
        self._start.observe(accepted_s)
        self._launch.observe(asked_s)

    def logged(self, size_bytes: int) -> None:
        """See `Observer`."""
        self._log_bytes.inc(size_bytes)

    def fired(self, late_s: float) -> None:
        """See `Observer`."""
        self._trigger_lag.observe(late_s)

    def retired(self, runs: int) -> None:
        """See `Observer`."""
        self._retired.inc(runs)

    def committed(self, spent_s: float) -> None:
        """Hear what a commit took. May be called in any thread."""
        self._commit.observe(spent_s)

    def late(self, lag_s: float) -> None:
        """Hear how late the event loop was."""
        self._loop_lag.observe(lag_s)

    async def look(self, ctx: Context, sampling: Sampling, database: Path) -> None:
        """Look up all that is not heard of: what the store has, as one read sees it, then what the supervisor holds."""
        async with self._looking:  # two at once would count the same ends
            found = await count_stored(ctx, database, after_seq=self._last_seq)
            self._last_seq = found.counts.last_seq
        self._looked_up.set_stored(found)
        self._looked_up.set_held(ctx, sampling)

    def told(self, accept: str) -> tuple[bytes, str]:
        """Return all of it in the format that `accept` prefers, and that format's media type."""
        encode, media_type = choose_encoder(accept)
        return encode(self.registry), media_type


class _LookedUp:
    """What is not heard of: what there is when somebody asks, and the ends since somebody asked before."""

    def __init__(self, registry: CollectorRegistry) -> None:
        gauge = partial(Gauge, namespace="orchestrator", registry=registry)
        self._runs = gauge("runs", "Runs that have not ended, by their state.", ["state"])
        self._ends = Counter(
            "runs_ended",
            "Runs that have ended since the daemon was started, by how.",
            ["state"],
            namespace="orchestrator",
            registry=registry,
        )
        self._queued = gauge("queued_runs", "Runs that wait for slots.")
        self._queue_age = gauge("queue_age_seconds", "How long the oldest of them has waited; 0 where none waits.")
        self._queued_limit = gauge("queued_runs_limit", "How many may wait ([capacity] max_queued).")
        self._held = gauge("held_runs", "Runs that take slots.")
        self._held_limit = gauge("held_runs_limit", "How many may take slots ([capacity] max_processes).")
        self._dpus = gauge("held_dpus", "DPU that are lent.")
        self._dpus_limit = gauge("held_dpus_limit", "DPU that can be lent at once ([capacity] dpus).")
        self._processes = gauge("run_processes", "Processes of live runs, as they were looked at last.")
        self._resident = gauge("run_resident_bytes", "Resident memory of those processes.")
        self._failed_tries = gauge(
            "notices_failed_tries",
            "How many tries of an outlet of notices have failed since it last took one.",
            ["outlet"],
        )
        self._database = gauge("store_bytes", "Size of the database.")
        self._wal = gauge("store_wal_bytes", "Size of its write-ahead log.")
        self._free = gauge("disk_free_bytes", "Room that is left on the disk of the state directory.")
        gauge("start_time_seconds", "When the daemon was started, in seconds since 1970.").set(time.time())
        build = gauge("build_info", "1; its labels say what runs here.", ["version", "python", "sqlite"])
        build.labels(__version__, platform.python_version(), store_version()).set(1)

    def set_stored(self, found: Stored) -> None:
        """Take in what the store has, and the room that it takes."""
        counts, room = found.counts, found.room
        for state, runs in counts.live.items():
            self._runs.labels(state).set(runs)
        for state, runs in counts.ends.items():
            self._ends.labels(state).inc(runs)
        self._failed_tries.clear()
        for outlet, number in counts.failed_tries.items():
            self._failed_tries.labels(outlet).set(number)
        self._database.set(room.database_bytes)
        self._wal.set(room.log_bytes)
        self._free.set(room.free_bytes)

    def set_held(self, ctx: Context, sampling: Sampling) -> None:
        """Take in what the supervisor holds, and what it uses."""
        supervisor = ctx.supervisor
        held, queued = supervisor.load()
        self._held.set(held)
        self._queued.set(queued)
        first = supervisor.longest_queued
        self._queue_age.set(0 if first is None else max(0, ctx.now_ms() - first.started_on_ms) / _MS_PER_S)
        self._dpus.set(sum(demand.dpu for demand in supervisor.held.values()))
        limits = supervisor.limits
        self._dpus_limit.set(limits.dpus)
        self._held_limit.set(limits.max_processes)
        self._queued_limit.set(limits.max_queued)
        seen = sampling.seen()
        self._processes.set(sum(one.processes for one in seen))
        self._resident.set(sum(one.rss_bytes for one in seen))


def routes(ctx: Context, metrics: Metrics, sampling: Sampling, lag: LoopLag, database: Path) -> Sequence[Route]:
    """Return the route over `metrics`. Whoever asks lets the event loop's lag be measured for some minutes."""

    async def tell(request: Request) -> Response:
        lag.worst_s()
        await metrics.look(ctx, sampling, database)
        content, media_type = metrics.told(request.headers.get("accept", ""))
        return Response(content, headers={"content-type": media_type})

    return [Route("/metrics", tell, methods=["GET"])]

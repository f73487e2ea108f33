"""W3: durable acknowledgements of StartJobRun from eight keep-alive connections while every slot is taken."""

from collections.abc import Sequence
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import SLOTS, hold
from tests.benchmarks.figures import Goal, Quantity
from tests.benchmarks.load import start_job_runs
from tests.benchmarks.machine import fsyncs_per_s
from tests.benchmarks.ours import COLD, daemon, define, states
from tests.benchmarks.peers.celery import Celery
from tests.benchmarks.peers.huey import Huey
from tests.benchmarks.wire import start_runs

NAME: Final = "W3"
_CLIENTS: Final = 8
_QUICK_FSYNCS_PER_S: Final = 1000
_SLOW_DISK: Final = "disk, slow"
_PEERS: Final[Sequence[Huey | Celery]] = (Huey(), Celery())


def measure(bench: Bench, number: int) -> None:
    """Measure the disk, ourselves, and how fast the peers enqueue."""
    before = _disk(bench)
    _measure_ours(bench, number)
    disk_fsyncs_per_s = (before + _disk(bench)) / 2
    bench.note(NAME, number, "disk", fsyncs_per_s=disk_fsyncs_per_s)
    if disk_fsyncs_per_s < _QUICK_FSYNCS_PER_S:  # elsewhere it is not the disk that counts
        bench.note(NAME, number, _SLOW_DISK, fsyncs_per_s=disk_fsyncs_per_s)
    for peer in _PEERS:
        if peer.name in bench.peers:
            reason = peer.why_not(bench)
            if reason is None:
                _measure_peer(bench, number, peer)
            else:
                bench.leave_out(peer.name, reason)


def _disk(bench: Bench) -> float:
    with bench.directory() as directory:
        return fsyncs_per_s(directory)


def _measure_ours(bench: Bench, number: int) -> None:
    with bench.directory() as directory, daemon(bench, directory) as one:
        script = directory / "sleeper.sh"
        script.write_text("#!/bin/sh\nexec sleep 3600\n", encoding="ascii")
        script.chmod(0o755)
        define(one, "sleeper", script, COLD)
        taken = start_runs(one.port, {"JobName": "sleeper"}, count=SLOTS + _CLIENTS)
        bench.household.settle()
        cpu_before_s = bench.household.cpu_s()
        burst = start_job_runs(one.port, {"JobName": "sleeper"}, connections=_CLIENTS, seconds=bench.sizes.seconds)
        cpu_s = bench.household.cpu_s() - cpu_before_s
        stored = states(one, "sleeper")
    count, acknowledged = burst.acknowledged, burst.acknowledged + len(taken.answers)
    hold(burst.refused == 0, f"{burst.refused} calls were refused")
    hold(len(stored) == acknowledged, f"{len(stored)} runs are stored of {acknowledged} acknowledged")
    hold(stored.count("WAITING") >= count, "the queue was not saturated")
    bench.note(NAME, number, "ours", acks_per_s=burst.per_second, CPU_ms_per_ack=cpu_s / count * 1000)


def _measure_peer(bench: Bench, number: int, peer: Huey | Celery) -> None:
    bench.versions.setdefault(peer.name, peer.version(bench))
    with bench.directory() as directory, peer.client(bench, directory) as asked:
        told = asked.ask(do="load", clients=_CLIENTS, seconds=bench.sizes.seconds)
    hold(told["stored"] == told["count"] + told["warm_up"], f"{peer.name} has not stored what it has enqueued")
    bench.note(NAME, number, f"{peer.name} (its own client)", acks_per_s=told["per_s"])


GOALS: Final = (
    Goal(work=NAME, name="acknowledgements/s", of=Quantity("ours", "acks/s"), target=3000),
    Goal(
        work=NAME,
        name="acknowledgements ÷ single fsyncs (where one takes over 1 ms)",
        of=Quantity("ours", "acks/s"),
        over=Quantity(_SLOW_DISK, "fsyncs/s"),
        target=4,
    ),
)

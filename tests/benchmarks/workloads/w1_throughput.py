"""W1: no-op Python runs, submitted at once and executed two at a time, until the last is durably in its last state."""

from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import Contender
from tests.benchmarks.figures import Goal, Quantity
from tests.benchmarks.ours import COLD, WARM, Ours
from tests.benchmarks.peers.celery import Celery
from tests.benchmarks.peers.huey import Huey
from tests.benchmarks.peers.parallel import Parallel
from tests.benchmarks.peers.task_spooler import TaskSpooler
from tests.benchmarks.peers.xargs import Xargs
from tests.benchmarks.throughput import measure as throughput

NAME: Final = "W1"
PEERS: Final[tuple[Contender, ...]] = (Xargs(), Parallel(), TaskSpooler(), Huey(), Celery())
_OURS: Final[tuple[Contender, ...]] = (Ours("ours, cold", COLD), Ours("ours, warm", WARM))


def measure(bench: Bench, number: int) -> None:
    """Measure everybody once."""
    peers = [peer for peer in PEERS if peer.name in bench.peers]
    throughput(bench, NAME, number, [*_OURS, *peers], first="", count=bench.sizes.runs)


def _wall(name: str, ours: str, peer: str, target: float | None = None) -> Goal:
    return Goal(work=NAME, name=name, of=Quantity(ours, "runs/s"), over=Quantity(peer, "runs/s"), target=target)


def _cpu(name: str, ours: str, peer: str, target: float | None = None) -> Goal:
    measure_ = "CPU ms/run"
    return Goal(work=NAME, name=name, of=Quantity(peer, measure_), over=Quantity(ours, measure_), target=target)


GOALS: Final = (
    _wall("cold ÷ xargs, by wall", "ours, cold", "xargs", 0.75),
    _cpu("cold ÷ xargs, by CPU a run", "ours, cold", "xargs", 0.8),
    _wall("warm ÷ xargs, by wall", "ours, warm", "xargs", 2.5),
    _cpu("warm ÷ xargs, by CPU a run", "ours, warm", "xargs"),
    _wall("cold ÷ huey, by wall", "ours, cold", "huey", 1),
    _cpu("cold ÷ huey, by CPU a run", "ours, cold", "huey", 1),
    _wall("cold ÷ celery, by wall", "ours, cold", "celery", 1),
    _cpu("cold ÷ celery, by CPU a run", "ours, cold", "celery", 1),
    _wall("cold ÷ parallel, by wall", "ours, cold", "parallel"),
    _wall("cold ÷ task-spooler, by wall", "ours, cold", "task-spooler"),
)

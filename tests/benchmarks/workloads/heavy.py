"""W1 with the heavy peers, whose runs take seconds: small samples, behind a flag."""

from collections.abc import Sequence
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import Contender
from tests.benchmarks.figures import Goal, Quantity
from tests.benchmarks.ours import COLD, Ours
from tests.benchmarks.peers.airflow import Airflow
from tests.benchmarks.peers.dagster import Dagster
from tests.benchmarks.peers.prefect import Prefect
from tests.benchmarks.peers.slurm import Slurm
from tests.benchmarks.throughput import measure as throughput

NAME: Final = "W1, few"
_RUNS: Final = 16
_HEAVY: Final[tuple[Contender, ...]] = (Slurm(), Prefect(), Dagster(), Airflow())
_OURS: Final[Contender] = Ours("ours, cold", COLD)


def measure(bench: Bench, number: int, names: Sequence[str]) -> None:
    """Measure ours and those that were asked for, once each."""
    heavy = [one for one in _HEAVY if one.name in names]
    throughput(bench, NAME, number, [_OURS, *heavy], first="", count=_RUNS)


def goals(names: Sequence[str]) -> list[Goal]:
    """Return the rows of those that were asked for."""
    return [
        Goal(
            work=NAME,
            name=f"cold ÷ {name}, by wall",
            of=Quantity(_OURS.name, "runs/s"),
            over=Quantity(name, "runs/s"),
            target=1,
        )
        for name in names
    ]

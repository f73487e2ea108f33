"""W7: runs of `import pandas`, two at a time; ours cold, and forked from a template that has imported it."""

from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import Contender, library
from tests.benchmarks.figures import Goal, Quantity
from tests.benchmarks.ours import COLD, PRELOAD, Ours
from tests.benchmarks.peers.xargs import Xargs
from tests.benchmarks.throughput import measure as throughput

NAME: Final = "W7"
_CONTENDERS: Final[tuple[Contender, ...]] = (
    Ours("ours, warm", {PRELOAD: "pandas"}),
    Ours("ours, cold", COLD),
    Xargs(),
)


def measure(bench: Bench, number: int) -> None:
    """Measure everybody once."""
    reason = library(bench.scripts_python, "pandas")
    if reason is not None:
        bench.leave_out(NAME, reason)
        return
    contenders = [one for one in _CONTENDERS if one.name.startswith("ours") or one.name in bench.peers]
    throughput(bench, NAME, number, contenders, first="import pandas", count=bench.sizes.pandas_runs)


def _ratio(name: str, ours: str, measure_: str, target: float | None = None) -> Goal:
    of, over = Quantity(ours, measure_), Quantity("xargs", measure_)
    if measure_ != "runs/s":  # what is less is better, so theirs over ours
        of, over = over, of
    return Goal(work=NAME, name=name, of=of, over=over, target=target)


GOALS: Final = (
    _ratio("warm ÷ xargs, by wall", "ours, warm", "runs/s", 30),
    _ratio("warm ÷ xargs, by CPU a run", "ours, warm", "CPU ms/run"),
    _ratio("cold ÷ xargs, by wall", "ours, cold", "runs/s"),
)

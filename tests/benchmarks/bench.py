"""What every workload and every contender is given: the options, a place to work in, and where the figures go."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.benchmarks.figures import Sample
from tests.benchmarks.household import BenchmarkError, Household

MISHAPS: Final = (BenchmarkError, AssertionError, OSError, TimeoutError, subprocess.SubprocessError)
"""What goes wrong while something is measured; it costs that figure, and no other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sizes:
    """How much work there is."""

    rounds: int
    runs: int  # W1
    pandas_runs: int  # W7
    latencies: int  # W2: of each kind
    seconds: float  # W3
    history: int  # W4, start-up
    pages: int  # W4: calls of each kind
    queued: int  # W5, start-up
    running: int  # W5
    idle_s: float  # W6


@dataclass(slots=True, kw_only=True)
class Bench:
    """One run of the benchmarks."""

    root: Path  # all scratch is below it
    sizes: Sizes
    peers: Sequence[str]
    scripts_python: Path  # the one interpreter that executes every script
    peers_python: Path | None
    heavy_python: Path | None
    household: Household
    tell: Callable[[str], None]
    samples: list[Sample] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """Lend a directory; what was started in it has ended, or is ended, on leaving.

        It is removed with all others when everything is measured: ext4 without a journal walks over what was deleted in
        the last minutes whenever a file is made, so whoever comes next would pay for it.
        """
        try:
            yield Path(tempfile.mkdtemp(dir=self.root, prefix=""))
        finally:
            self.household.reap()

    def note(self, work: str, number: int, contender: str, **measures: float) -> None:
        """Keep figures of a contender, and tell them."""
        for measure, value in measures.items():
            self.samples.append(
                Sample(work=work, round=number, contender=contender, measure=spelled(measure), value=value)
            )
        told = ", ".join(f"{value:.4g} {spelled(measure)}" for measure, value in measures.items())
        self.tell(f"round {number} {work} {contender}: {told}")

    def leave_out(self, name: str, reason: str) -> None:
        """Say once that something is not measured, and why."""
        if name not in self.left_out:
            self.left_out[name] = reason
            self.tell(f"NOT MEASURED {name}: {reason}")

    def fail(self, name: str, reason: str) -> None:
        """Say that something went wrong while it was measured: there is no figure of it."""
        self.failed.append(name)
        self.leave_out(name, f"FAILED: {reason}")


def spelled(measure: str) -> str:
    """Return a measure as people read it: a keyword `runs_per_s` is `runs/s`."""
    return measure.replace("_per_", "/").replace("_", " ")

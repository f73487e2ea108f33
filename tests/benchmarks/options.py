"""What can be asked of the benchmarks."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tests.benchmarks.bench import Sizes

ROOT: Final = Path(__file__).resolve().parents[2]
WORKS: Final = ("W1", "W2", "W3", "W4", "start-up", "W5", "W6", "W7", "W8")
PEERS: Final = ("xargs", "parallel", "task-spooler", "huey", "celery")
HEAVY: Final = ("slurm", "prefect", "dagster", "airflow")
_FULL: Final = Sizes(
    rounds=3,
    runs=500,
    pandas_runs=50,
    latencies=60,
    seconds=3,
    history=1_000_000,
    pages=100,
    queued=1000,
    running=100,
    idle_s=60,
)
_QUICK: Final = Sizes(
    rounds=3,
    runs=60,
    pandas_runs=8,
    latencies=10,
    seconds=0.5,
    history=20_000,
    pages=20,
    queued=1000,
    running=100,
    idle_s=3,
)


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small samples: two or three minutes, and wide spreads")
    for name, kind in (("rounds", int), ("runs", int), ("seconds", float), ("history", int), ("idle-s", float)):
        parser.add_argument(f"--{name}", type=kind)
    parser.add_argument("--only", type=_names(WORKS), default=list(WORKS), help=f"of {','.join(WORKS)}")
    parser.add_argument("--peers", type=_names(PEERS), default=list(PEERS), help=f"of {','.join(PEERS)}")
    parser.add_argument("--heavy", type=_names(HEAVY), nargs="?", const=list(HEAVY), default=[], help=",".join(HEAVY))
    parser.add_argument("--output", type=Path, default=_default_output(), help="where the figures are kept")
    parser.add_argument("--write-docs", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--scratch", type=Path, default=Path("/var/tmp"), help="on the disk to measure, not in memory")  # noqa: S108 - a directory of ours is made below it
    parser.add_argument("--scripts-python", type=Path, default=_beside("-bench-scripts"))
    parser.add_argument("--peers-python", type=Path, default=_beside("-bench"))
    parser.add_argument("--heavy-python", type=Path, default=_beside("-clients"))
    return parser.parse_args(arguments)


def sizes(options: argparse.Namespace) -> Sizes:
    """Return how much work was asked for."""
    base = _QUICK if options.quick else _FULL
    given = {name: getattr(options, name) for name in ("rounds", "runs", "seconds", "history", "idle_s")}
    return Sizes(**{**_members(base), **{name: value for name, value in given.items() if value is not None}})


def _members(base: Sizes) -> dict[str, int | float]:
    return {name: getattr(base, name) for name in Sizes.__dataclass_fields__}


def _names(known: Sequence[str]) -> Callable[[str], list[str]]:
    def parse_names(text: str) -> list[str]:
        names = [name for name in text.split(",") if name]
        for name in names:
            if name not in known:
                message = f"there is no {name}; there are {', '.join(known)}"
                raise argparse.ArgumentTypeError(message)
        return names

    return parse_names


def _beside(suffix: str) -> Path:
    """Return the interpreter of the environment that `make` puts beside the one that runs this."""
    return Path(f"{sys.prefix}{suffix}") / "bin" / "python"


def _default_output() -> Path:
    return ROOT / "build" / "bench" / datetime.now(tz=UTC).strftime("%Y%m%dT%H%M%SZ")


def clean_python(given: Path, directory: Path) -> Path:
    """Return the scripts' interpreter: the one that was given, or else a bare environment of our own one."""
    if os.access(given, os.X_OK):
        return given
    import venv  # noqa: PLC0415 - rarely needed

    venv.create(directory, with_pip=False, symlinks=True)
    return directory / "bin" / "python"

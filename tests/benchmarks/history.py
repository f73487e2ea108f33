"""Databases with many runs, made once in a run of the benchmarks and copied for each daemon that changes them."""

import importlib.util
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import SLOTS
from tests.benchmarks.ours import stop
from tests.support.daemon import Daemon

FEW: Final = 1000
QUEUED: Final = 1000
COMMON_JOB: Final = "hourly"
"""One in three runs is of this job; those that are queued are of another."""
RARE_JOB: Final = "rare"
_MAKER: Final = "tests.support.history"


def why_not() -> str | None:
    """Return why there can be no such database, or None."""
    return None if importlib.util.find_spec(_MAKER) else f"{_MAKER}, which makes histories, is not there"


@contextmanager
def prepared(bench: Bench, runs: int) -> Iterator[Daemon]:
    """Lend a daemon that has not been started yet, on a copy of a database with so many runs and a queue behind them."""
    made = bench.root / f"history-{runs}.db"
    if not made.exists():
        bench.tell(f"making a history of {runs:,} runs")
        importlib.import_module(_MAKER).History(made).fill(runs, queued=QUEUED)
    with bench.directory() as directory:
        settings = {
            "ORCHESTRATOR_PYTHON": str(bench.scripts_python),
            "ORCHESTRATOR_CAPACITY__MAX_PROCESSES": str(SLOTS),
        }
        one = Daemon(directory, settings)
        one.state_dir.mkdir(mode=0o700)
        shutil.copy(made, one.state_dir / "state.db")
        (one.state_dir / "state.db").chmod(0o600)
        (one.jobs_dir / "script.py").write_text("import time\ntime.sleep(3600)\n", encoding="ascii")
        try:
            yield one
        finally:
            stop(bench, one)


def size_bytes(bench: Bench, runs: int) -> int:
    """Return how large the database is that `prepared` made."""
    return Path(bench.root / f"history-{runs}.db").stat().st_size

"""Dagster's queue: its daemon takes runs from it, and starts a process for each; it looks once a second."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.client import PROGRAMS, Client, client
from tests.benchmarks.contender import SLOTS, Work, hold, library, version_of
from tests.benchmarks.proof import CountedScript

_INSTANCE: Final = f"""
run_coordinator:
  module: dagster._core.run_coordinator
  class: QueuedRunCoordinator
  config:
    max_concurrent_runs: {SLOTS}
    dequeue_interval_seconds: 1
telemetry:
  enabled: false
"""


class Dagster:
    """A daemon on SQLite; the default is to look at the queue every five seconds."""

    name = "dagster"

    def why_not(self, bench: Bench) -> str | None:
        """Return why it cannot take part, or None."""
        return library(bench.heavy_python, self.name)

    def version(self, bench: Bench) -> str:
        """Return its version."""
        return version_of(bench.heavy_python, self.name)

    @contextmanager
    def ready(self, bench: Bench, script: CountedScript, directory: Path) -> Iterator[Work]:
        """Lend it."""
        jobs = str(PROGRAMS / "dagster_jobs.py")
        python = bench.heavy_python
        environment = {
            "DAGSTER_HOME": str(directory),
            "BENCH_JOBS": jobs,
            "BENCH_PYTHON": str(bench.scripts_python),
            "BENCH_SCRIPT": str(script.path),
        }
        (directory / "dagster.yaml").write_text(_INSTANCE, encoding="utf-8")
        command = [python or "", "-m", "dagster._daemon", "run", "-f", jobs]
        process = bench.household.start(command, directory, environment)
        try:
            with client(bench, python, "dagster_client", directory, environment) as asked:
                yield Work(run=lambda count: _run(asked, script, count), spared=[asked.pid])
        finally:
            bench.household.end(process)


def _run(asked: Client, script: CountedScript, count: int) -> None:
    already = script.count
    asked.ask(do="enqueue", count=count)
    script.wait_for(already + count)
    states = asked.ask(do="states")
    hold(states == ["SUCCESS"] * count, f"not every run is a SUCCESS: {states}")

"""huey on SQLite with synchronous=FULL: a queue whose task is the script as a subprocess."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.client import PROGRAMS, Client, client
from tests.benchmarks.contender import SLOTS, Work, hold, library, version_of
from tests.benchmarks.proof import CountedScript


class Huey:
    """A consumer with two threads; it looks at its queue a hundred times a second, where the default is ten."""

    name = "huey"

    def why_not(self, bench: Bench) -> str | None:
        """Return why it cannot take part, or None."""
        return library(bench.peers_python, self.name)

    def version(self, bench: Bench) -> str:
        """Return its version."""
        return version_of(bench.peers_python, self.name)

    @contextmanager
    def ready(self, bench: Bench, script: CountedScript, directory: Path) -> Iterator[Work]:
        """Lend it."""
        command = [bench.peers_python or "", "-m", "huey.bin.huey_consumer", "huey_tasks.huey"]
        often = ["-d", "0.01", "-m", "0.01", "--no-periodic"]
        environment = {**_environment(directory), "PYTHONPATH": str(PROGRAMS)}
        with self.client(bench, directory) as asked:
            process = bench.household.start([*command, "-w", str(SLOTS), *often], directory, environment)
            try:
                yield Work(run=lambda count: run(bench, asked, script, count), spared=[asked.pid])
            finally:
                bench.household.end(process)

    @contextmanager
    def client(self, bench: Bench, directory: Path) -> Iterator[Client]:
        """Lend its client alone."""
        with client(bench, bench.peers_python, "huey_client", directory, _environment(directory)) as asked:
            yield asked


def run(bench: Bench, asked: Client, script: CountedScript, count: int) -> None:
    """Enqueue so many runs, and wait for all their results."""
    already = script.count
    asked.ask(do="enqueue", count=count, command=[str(bench.scripts_python), str(script.path)])
    script.wait_for(already + count)
    codes = asked.ask(do="codes")
    hold(codes == [0] * count, "not every run's result is 0")


def _environment(directory: Path) -> dict[str, str]:
    return {"BENCH_DATABASE": str(directory / "huey.db")}

"""`xargs -P`: starts processes and keeps no record. The nearest thing to the bare machine."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import SLOTS, Work, first_line, hold, program
from tests.benchmarks.proof import CountedScript


class Xargs:
    """One `xargs` for all runs."""

    name = "xargs"

    def why_not(self, bench: Bench) -> str | None:
        """Return why it cannot take part, or None."""
        return program("xargs")

    def version(self, bench: Bench) -> str:
        """Return its version."""
        return first_line(["xargs", "--version"])

    @contextmanager
    def ready(self, bench: Bench, script: CountedScript, directory: Path) -> Iterator[Work]:
        """Lend it."""

        def run(count: int) -> None:
            command: list[str | Path] = ["xargs", f"-P{SLOTS}", "-n1", bench.scripts_python, script.path]
            process = bench.household.start(command, directory)
            try:
                process.communicate("".join(f"{number}\n" for number in range(count)).encode())
                hold(process.returncode == 0, f"xargs ended with {process.returncode}")
            except BaseException:
                bench.household.end(process, signal.SIGKILL)
                raise

        yield Work(run=run)

"""GNU parallel with --joblog: a line for each run that ended, which is not flushed to disk."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import SLOTS, Work, first_line, hold, program
from tests.benchmarks.proof import CountedScript


class Parallel:
    """One `parallel` for all runs."""

    name = "parallel"

    def why_not(self, bench: Bench) -> str | None:
        """Return why it cannot take part, or None."""
        return program("parallel")

    def version(self, bench: Bench) -> str:
        """Return its version."""
        return first_line(["parallel", "--version"])

    @contextmanager
    def ready(self, bench: Bench, script: CountedScript, directory: Path) -> Iterator[Work]:
        """Lend it."""
        joblog = directory / "joblog"

        def run(count: int) -> None:
            joblog.unlink(missing_ok=True)
            options: list[str | Path] = ["--will-cite", f"-j{SLOTS}", "--joblog", joblog]
            process = bench.household.start(["parallel", *options, bench.scripts_python, script.path], directory)
            try:
                process.communicate("".join(f"{number}\n" for number in range(count)).encode())
                hold(process.returncode == 0, f"parallel ended with {process.returncode}")
                _, *lines = joblog.read_text(encoding="utf-8").splitlines()
                codes = [line.split("\t")[6] for line in lines]
                hold(codes == ["0"] * count, f"parallel's joblog has {len(codes)} runs of {count}, or failed ones")
            except BaseException:
                bench.household.end(process, signal.SIGKILL)
                raise

        yield Work(run=run)

"""task-spooler: a queue in the memory of one small daemon; each queued run is a client process that waits its turn."""

import re
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import SLOTS, Work, first_line, hold, program
from tests.benchmarks.household import CLEAN
from tests.benchmarks.proof import CountedScript

_LOOK_S: Final = 0.005
_FINISHED: Final = re.compile(r"^\d+ +finished +\S+ +(-?\d+) ", re.MULTILINE)


class TaskSpooler:
    """One server, asked by its own client."""

    name = "task-spooler"

    def why_not(self, bench: Bench) -> str | None:
        """Return why it cannot take part, or None."""
        return program("tsp")

    def version(self, bench: Bench) -> str:
        """Return its version."""
        return first_line(["tsp", "-V"])

    @contextmanager
    def ready(self, bench: Bench, script: CountedScript, directory: Path) -> Iterator[Work]:
        """Lend it."""
        environment = {
            **CLEAN,
            "HOME": str(directory),
            "TMPDIR": str(directory),
            "TS_SOCKET": str(directory / "socket"),
            "TS_SLOTS": str(SLOTS),
            "TS_MAXFINISHED": "100000",
        }

        def tsp(*arguments: str | Path) -> str:
            done = subprocess.run(
                ["tsp", *map(str, arguments)], env=environment, cwd=directory, capture_output=True, check=True
            )
            return done.stdout.decode()

        def run(count: int) -> None:
            tsp("-C")
            already = script.count
            for _ in range(count):
                tsp("-n", bench.scripts_python, script.path)
            script.wait_for(already + count)
            while len(codes := _FINISHED.findall(tsp("-l"))) < count:
                time.sleep(_LOOK_S)
            hold(set(codes) == {"0"}, "task-spooler has runs that failed")

        try:
            yield Work(run=run)
        finally:
            tsp("-K")
            bench.household.settle()

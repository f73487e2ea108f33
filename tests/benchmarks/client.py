"""A program of another environment that is asked by lines of JSON: a peer's own client library, driven from here."""

import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.household import BenchmarkError

PROGRAMS: Final = Path(__file__).parent / "programs"


class Client:
    """A client that has been started."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        """Take over a process whose standard input and output are pipes."""
        self._process = process
        self._log = log

    @property
    def pid(self) -> int:
        """Its pid."""
        return self._process.pid

    def ask(self, **request: Any) -> Any:
        """Send a request and wait for the answer.

        Raises:
            BenchmarkError: it ended instead.
        """
        if self._process.stdin is None or self._process.stdout is None:
            raise TypeError
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = b""
        if not line:
            message = f"the client ended:\n{self._log.read_text(encoding='utf-8', errors='replace')[-4000:]}"
            raise BenchmarkError(message)
        return json.loads(line)


@contextmanager
def client(
    bench: Bench, python: Path | None, name: str, directory: Path, environment: Mapping[str, str]
) -> Iterator[Client]:
    """Lend a client: the program `name`, executed by `python`."""
    if python is None:
        raise BenchmarkError(name)
    log = f"{name}.log"
    process = bench.household.start([python, PROGRAMS / f"{name}.py"], directory, environment, log=log, is_read=True)
    try:
        yield Client(process, directory / log)
    finally:
        bench.household.end(process)

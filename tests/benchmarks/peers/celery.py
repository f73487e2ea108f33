"""Celery on a Redis of its own that flushes every write (appendfsync always): the task is the script as a subprocess."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.client import PROGRAMS, Client, client
from tests.benchmarks.contender import SLOTS, Work, first_line, hold, library, program, version_of
from tests.benchmarks.peers.huey import run
from tests.benchmarks.proof import CountedScript

_START_WITHIN_S: Final = 20
_DURABLE: Final = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
_ALONE: Final = ["--without-gossip", "--without-mingle", "--without-heartbeat"]


class Celery:
    """A worker with two processes and no talk with other workers."""

    name = "celery"

    def why_not(self, bench: Bench) -> str | None:
        """Return why it cannot take part, or None."""
        return program("redis-server") or library(bench.peers_python, self.name)

    def version(self, bench: Bench) -> str:
        """Return its version, and that of Redis."""
        return f"{version_of(bench.peers_python, self.name)}, {first_line(['redis-server', '--version'])}"

    @contextmanager
    def ready(self, bench: Bench, script: CountedScript, directory: Path) -> Iterator[Work]:
        """Lend it."""
        command = [bench.peers_python or "", "-m", "celery", "-A", "celery_tasks", "worker", "-c", str(SLOTS), *_ALONE]
        environment = {**_environment(directory), "PYTHONPATH": str(PROGRAMS)}
        with self.client(bench, directory) as asked:
            process = bench.household.start(command, directory, environment)
            try:
                yield Work(run=lambda count: run(bench, asked, script, count), spared=[asked.pid])
            finally:
                bench.household.end(process)

    @contextmanager
    def client(self, bench: Bench, directory: Path) -> Iterator[Client]:
        """Lend its client and its Redis, without a worker."""
        socket = _socket(directory)
        command: list[str | Path] = [
            "redis-server",
            "--port",
            "0",
            "--unixsocket",
            socket,
            "--dir",
            directory,
            *_DURABLE,
        ]
        redis = bench.household.start([*command, "--logfile", directory / "redis.log"], directory)
        try:
            until_s = time.monotonic() + _START_WITHIN_S
            while not socket.exists():
                hold(redis.poll() is None and time.monotonic() < until_s, "Redis does not start")
                time.sleep(0.01)
            with client(bench, bench.peers_python, "celery_client", directory, _environment(directory)) as asked:
                yield asked
        finally:
            bench.household.end(redis)


def _socket(directory: Path) -> Path:
    return directory / "redis.sock"


def _environment(directory: Path) -> dict[str, str]:
    return {"BENCH_SOCKET": str(_socket(directory))}

"""huey's task: the script as a subprocess, its exit code as the result. For the consumer and for the client."""

import os
import subprocess

from huey import SqliteHuey  # type: ignore[import-not-found]  # in the peers' environment only

huey = SqliteHuey("bench", filename=os.environ["BENCH_DATABASE"], fsync=True)


@huey.task()  # type: ignore[untyped-decorator]  # as above
def run(command: list[str]) -> int:
    """Execute a command; return its exit code."""
    return subprocess.run(command, check=False).returncode

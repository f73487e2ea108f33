"""Celery's task: the script as a subprocess, its exit code as the result. For the worker and for the client."""

import os
import subprocess

from celery import Celery  # type: ignore[import-not-found]  # in the peers' environment only

app = Celery("bench", broker=f"redis+socket://{os.environ['BENCH_SOCKET']}")
app.conf.result_backend = f"redis+socket://{os.environ['BENCH_SOCKET']}"
app.conf.broker_connection_retry_on_startup = True


@app.task  # type: ignore[untyped-decorator]  # as above
def run(command: list[str]) -> int:
    """Execute a command; return its exit code."""
    return subprocess.run(command, check=False).returncode

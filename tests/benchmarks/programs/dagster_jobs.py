"""Dagster's job: one op, the script as a subprocess."""

import os
import subprocess

from dagster import job, op  # type: ignore[import-not-found]  # in the heavy peers' environment only


@op  # type: ignore[untyped-decorator]  # as above
def execute() -> None:
    """Execute the command; a code that is not 0 is a failure."""
    subprocess.run([os.environ["BENCH_PYTHON"], os.environ["BENCH_SCRIPT"]], check=True)


@job  # type: ignore[untyped-decorator]  # as above
def script() -> None:
    """Have one op."""
    execute()

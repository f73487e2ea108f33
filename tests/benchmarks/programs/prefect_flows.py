"""Prefect's flow: the script as a subprocess. Serves it until it is ended; each run is a process of Prefect's own."""

import os
import subprocess

from prefect import flow  # type: ignore[import-not-found]  # in the heavy peers' environment only


@flow(name="script")  # type: ignore[untyped-decorator]  # as above
def script() -> None:
    """Execute the command; a code that is not 0 is a failure."""
    subprocess.run([os.environ["BENCH_PYTHON"], os.environ["BENCH_SCRIPT"]], check=True)


if __name__ == "__main__":
    script.serve(name="bench", limit=int(os.environ["BENCH_SLOTS"]))

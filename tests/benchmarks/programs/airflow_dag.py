"""Airflow's DAG: one task, the script as a subprocess. Copied into the folder of DAGs."""

import os
import subprocess

from airflow.sdk import dag, task  # type: ignore[import-not-found]  # in the heavy peers' environment only


@task  # type: ignore[untyped-decorator]  # as above
def execute() -> None:
    """Execute the command; a code that is not 0 is a failure."""
    subprocess.run([os.environ["BENCH_PYTHON"], os.environ["BENCH_SCRIPT"]], check=True)


@dag(dag_id="script", schedule=None, max_active_runs=1000)  # type: ignore[untyped-decorator]  # as above
def script() -> None:
    """Have one task."""
    execute()


script()

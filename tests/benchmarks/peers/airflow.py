"""Airflow with the LocalExecutor on SQLite: an API server, a scheduler and a DAG processor; two tasks at a time."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.client import PROGRAMS
from tests.benchmarks.contender import SLOTS, Work, hold, library, version_of
from tests.benchmarks.household import CLEAN
from tests.benchmarks.proof import CountedScript
from tests.benchmarks.rest import call, patiently
from tests.support.daemon import free_port

_PARTS: Final = ("api-server", "scheduler", "dag-processor")
_RUNS: Final = "/api/v2/dags/script/dagRuns"


class Airflow:
    """Everything that `airflow standalone` starts but the triggerer."""

    name = "airflow"

    def why_not(self, bench: Bench) -> str | None:
        """Return why it cannot take part, or None."""
        return library(bench.heavy_python, "apache-airflow")

    def version(self, bench: Bench) -> str:
        """Return its version."""
        return version_of(bench.heavy_python, "apache-airflow")

    @contextmanager
    def ready(self, bench: Bench, script: CountedScript, directory: Path) -> Iterator[Work]:
        """Lend it."""
        port = free_port()
        environment = _environment(bench, script, directory, port)
        (directory / "dags").mkdir()
        shutil.copy(PROGRAMS / "airflow_dag.py", directory / "dags")
        airflow: list[str | Path] = [bench.heavy_python or "", "-m", "airflow"]
        migrate = [*map(str, airflow), "db", "migrate"]
        subprocess.run(migrate, env={**CLEAN, **environment}, cwd=directory, capture_output=True, check=True)
        home = bench.household
        started = []
        try:
            for part in _PARTS:
                process = home.start([*airflow, part], directory, environment, log=f"{part}.log")
                started.append(process)
            token = patiently(lambda: call(port, "GET", "/auth/token"), "Airflow's API server")["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            patiently(lambda: call(port, "GET", "/api/v2/dags/script", headers=headers), "the DAG")
            yield Work(run=lambda count: _run(port, headers, script, count))
        finally:
            for process in reversed(started):
                home.end(process)


def _run(port: int, headers: dict[str, str], script: CountedScript, count: int) -> None:
    def ended() -> int:
        return int(call(port, "GET", f"{_RUNS}?state=success&limit=1", headers=headers)["total_entries"])

    before, already = ended(), script.count
    for _ in range(count):
        call(port, "POST", _RUNS, {"logical_date": None}, headers)
    script.wait_for(already + count)
    patiently(lambda: ended() >= before + count, "the DAG runs' last states")
    hold(ended() == before + count, "there are other DAG runs")


def _environment(bench: Bench, script: CountedScript, directory: Path, port: int) -> dict[str, str]:
    return {
        "AIRFLOW_HOME": str(directory),
        "HOME": str(directory),
        "AIRFLOW__CORE__DAGS_FOLDER": str(directory / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": str(SLOTS),
        "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{port}/execution/",
        "AIRFLOW__CORE__FERNET_KEY": "",
        "AIRFLOW__API__PORT": str(port),
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__WORKERS": "1",
        "AIRFLOW__API__SECRET_KEY": "a secret of nobody's, in this run only",
        "AIRFLOW__API_AUTH__JWT_SECRET": "a secret of nobody's, in this run only, and long enough for it",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "BENCH_PYTHON": str(bench.scripts_python),
        "BENCH_SCRIPT": str(script.path),
    }

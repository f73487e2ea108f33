"""Prefect with a server of its own on SQLite, and one process that serves the flow; it looks for runs once a second."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.bench import Bench
from tests.benchmarks.client import PROGRAMS
from tests.benchmarks.contender import SLOTS, Work, hold, library, version_of
from tests.benchmarks.proof import CountedScript
from tests.benchmarks.rest import call, patiently
from tests.support.daemon import free_port


class Prefect:
    """A server and a runner; the default is to look for runs every ten seconds."""

    name = "prefect"

    def why_not(self, bench: Bench) -> str | None:
        """Return why it cannot take part, or None."""
        return library(bench.heavy_python, self.name)

    def version(self, bench: Bench) -> str:
        """Return its version."""
        return version_of(bench.heavy_python, self.name)

    @contextmanager
    def ready(self, bench: Bench, script: CountedScript, directory: Path) -> Iterator[Work]:
        """Lend it."""
        port = free_port()
        python = bench.heavy_python or ""
        environment = _environment(bench, script, directory, port)
        home = bench.household
        server = [python, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
        started = [home.start(server, directory, environment, log="server.log")]
        try:
            patiently(lambda: call(port, "GET", "/api/health"), "Prefect's server")
            started.append(home.start([python, PROGRAMS / "prefect_flows.py"], directory, environment))
            deployment = patiently(lambda: call(port, "GET", "/api/deployments/name/script/bench"), "the deployment")
            yield Work(run=lambda count: _run(port, deployment["id"], script, count))
        finally:
            for process in reversed(started):
                home.end(process)


def _run(port: int, deployment: str, script: CountedScript, count: int) -> None:
    def ended() -> int:
        return int(call(port, "POST", "/api/flow_runs/count", _in_state("COMPLETED")))

    before, already = ended(), script.count
    for _ in range(count):
        call(port, "POST", f"/api/deployments/{deployment}/create_flow_run", {})
    script.wait_for(already + count)
    patiently(lambda: ended() >= before + count, "the flow runs' last states")
    hold(ended() == before + count, "there are other flow runs")


def _in_state(state: str) -> Mapping[str, object]:
    return {"flow_runs": {"state": {"type": {"any_": [state]}}}}


def _environment(bench: Bench, script: CountedScript, directory: Path, port: int) -> dict[str, str]:
    return {
        "PREFECT_HOME": str(directory / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
        "DO_NOT_TRACK": "1",
        "BENCH_PYTHON": str(bench.scripts_python),
        "BENCH_SCRIPT": str(script.path),
        "BENCH_SLOTS": str(SLOTS),
    }

"""Dagster's PipesGlueClient runs jobs as assets: context goes to the script, what it reports comes back, Ctrl-C stops."""

import json
import os
import signal
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.clients.running import HERE, PYTHON, SITE_PACKAGES, Client, needs_python, running, sdk_variables
from tests.support import processes, runs
from tests.support.daemon import Daemon
from tests.support.waiting import until

pytestmark = [needs_python, pytest.mark.timeout(180)]

PIPES: Final = """
import json, sys
from dagster_pipes import PipesCliArgsParamsLoader, open_dagster_pipes
out = sys.argv[sys.argv.index("--out") + 1]
with open_dagster_pipes(params_loader=PipesCliArgsParamsLoader()) as pipes:
    print("a line for people", flush=True)
    pipes.log.info("the script speaks")
    with open(out, "a") as file:
        print(json.dumps({"asset": pipes.asset_key, "asked": pipes.get_extra("asked")}), file=file)
    pipes.report_asset_materialization(metadata={"rows": 336776})
"""
"""A script that speaks Dagster's protocol; it writes what Dagster told it to the file that `--out` names."""


def dagster(
    daemon: Daemon, home: Path, job: str, arguments: dict[str, str], reader: str
) -> AbstractContextManager[Client]:
    """Lend a program that materializes an asset by a run of `job`."""
    variables = {**sdk_variables(daemon), "DAGSTER_DISABLE_TELEMETRY": "1"}
    request = {"job": job, "arguments": arguments, "reader": reader}
    return running([str(PYTHON), str(HERE / "dagster_client.py")], home, variables, request)


def with_pipes(daemon: Daemon, name: str, script: str) -> str:
    """Create a job whose script finds `dagster_pipes`, and nothing else of Dagster."""
    libraries = daemon.root / "libraries"
    libraries.mkdir(exist_ok=True)
    if not (libraries / "dagster_pipes").exists():
        (libraries / "dagster_pipes").symlink_to(SITE_PACKAGES / "dagster_pipes")
    return daemon.job(name, script, DefaultArguments={"--extra-py-files": str(libraries)})


@pytest.mark.parametrize("reader", ["file", "logs"])
def test_a_script_gets_its_context_and_reports_what_it_made(daemon: Daemon, tmp_path: Path, reader: str) -> None:
    job = with_pipes(daemon, f"dagster_{reader}", PIPES)
    out = tmp_path / "out"
    with dagster(daemon, tmp_path, job, {"--out": str(out)}, reader) as client:
        answer = client.answer()
        output = client.output()
    (run,) = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
    assert (answer["success"], run["JobRunState"]) == (True, "SUCCEEDED")
    assert json.loads(out.read_text()) == {"asset": "flights", "asked": "by Dagster"}
    assert answer["metadata"]["rows"] == 336776
    assert answer["metadata"]["AWS Glue Job Run ID"] == run["Id"]
    assert "the script speaks" in output
    if reader == "logs":
        assert "a line for people" in output


def test_an_asset_fails_with_its_script(daemon: Daemon, tmp_path: Path) -> None:
    job = with_pipes(daemon, "dagster_fails", f"{PIPES}\nraise ValueError('no such flight')\n")
    out = tmp_path / "out"
    with dagster(daemon, tmp_path, job, {"--out": str(out)}, "file") as client:
        answer = client.answer()
    (run,) = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
    assert (answer["success"], run["JobRunState"]) == (False, "FAILED")
    (failure,) = answer["failures"]
    assert f"Glue job {job} run {run['Id']} completed with status FAILED" in failure
    assert "ValueError: no such flight" in failure
    assert out.exists()


def test_an_interrupted_asset_stops_its_run(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("dagster_interrupted", f"import os\nprint(os.getpid(), flush=True)\n{runs.WAIT_FOR_GATE}")
    with dagster(daemon, tmp_path, job, {"--gate": str(tmp_path / "gate")}, "file") as client:
        client.await_output("Started AWS Glue job dagster_interrupted run: ")
        (run,) = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
        until(lambda: "begun" in runs.output(daemon, run["Id"]), what="the script's beginning")
        os.kill(client.process.pid, signal.SIGINT)
        (failure,) = client.answer()["failures"]
        output = client.output()
    assert "DagsterExecutionInterruptedError" in failure
    assert f"Successfully stopped Glue job run {run['Id']}" in output
    assert daemon.ended(job, run["Id"])["JobRunState"] == "STOPPED"
    assert not processes.is_alive(int(runs.output(daemon, run["Id"]).split()[0]))

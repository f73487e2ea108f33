"""A secret among a run's arguments is for its script, and for who asks Glue's actions; nobody else is shown it."""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.support import command, processes, runs
from tests.support.daemon import Daemon
from tests.support.waiting import until

SECRET: Final = "hunter2-and-more"
ARGUMENTS: Final = {
    "--db-password": SECRET,
    "--url": f"postgresql://etl:{SECRET}@db/x",
    "--customer-driver-env-vars": f'CUSTOMER_TOKEN="{SECRET}"',
    "--DSN_OF_OURS": SECRET,
    "--day": "2026-01-01",
}
SHOWN: Final = {
    "--db-password": "***",
    "--url": "postgresql://etl:***@db/x",
    "--customer-driver-env-vars": "CUSTOMER_TOKEN=***",
    "--DSN_OF_OURS": "***",
    "--day": "2026-01-01",
}
ENVIRONMENT: Final = {"ORCHESTRATOR_LOG_LEVEL": "debug", "ORCHESTRATOR_ACCESS__REDACT": '["dsn"]'}
MANY: Final[dict[str, Any]] = {"ExecutionProperty": {"MaxConcurrentRuns": 50}}
SCRIPT: Final = """
import os, sys, time
print(sys.argv[sys.argv.index("--db-password") + 1], os.environ["CUSTOMER_TOKEN"], flush=True)
while not os.path.exists(sys.argv[sys.argv.index("--gate") + 1]):
    time.sleep(0.01)
"""


@pytest.fixture(scope="module")
def job(daemon: Daemon) -> str:
    """Return a job with a secret of its own."""
    return daemon.job("secretive", SCRIPT, DefaultArguments={"--api-key": SECRET}, **MANY)


@pytest.fixture
def run_id(daemon: Daemon, job: str, tmp_path: Path) -> Iterator[str]:
    """Lend a live run with secrets; when it is given back it has ended."""
    gate = tmp_path / "gate"
    run_id = runs.start(daemon, job, Arguments={**ARGUMENTS, "--gate": str(gate)})
    until(lambda: daemon.get(f"/runs/{run_id}/log/stdout")[1].endswith(b"\n"), what="a word of the script")
    yield run_id
    gate.touch()
    assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"


def get(daemon: Daemon, path: str) -> tuple[Any, str]:
    status, body, _ = daemon.get(path)
    assert status == 200
    return json.loads(body), body.decode()


def test_the_script_gets_it_and_glues_actions_tell_it(daemon: Daemon, job: str, run_id: str) -> None:
    assert daemon.get(f"/runs/{run_id}/log/stdout")[1].decode().split() == [SECRET, SECRET]
    assert daemon.run(job, run_id)["Arguments"].items() >= ARGUMENTS.items()
    assert daemon.call("GetJob", {"JobName": job})["Job"]["DefaultArguments"] == {"--api-key": SECRET}


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/runs", lambda told: told["runs"][0]),
        ("/runs/{}", lambda told: told["run"]),
        ("/runs/{}/explain", lambda told: told["run"]),
        ("/runs/{}/explain", lambda told: told["attempts"][0]),
    ],
    ids=["list", "run", "explanation", "attempts"],
)
def test_the_plain_routes_hide_it(daemon: Daemon, run_id: str, path: str, seen: Callable[[Any], Any]) -> None:
    told, text = get(daemon, path.format(run_id))
    assert seen(told)["arguments"].items() >= SHOWN.items()
    assert SECRET not in text


def test_the_properties_of_workflows_are_hidden_too(daemon: Daemon) -> None:
    properties = {"secret": SECRET, "day": "1"}
    daemon.call("CreateWorkflow", {"Name": "flow", "DefaultRunProperties": properties})
    begins = {"Type": "ON_DEMAND", "Actions": [{"JobName": daemon.job("part", "pass\n")}]}
    daemon.call("CreateTrigger", {"Name": "begin", "WorkflowName": "flow", **begins})
    workflow_run = daemon.call("StartWorkflowRun", {"Name": "flow", "RunProperties": {"token": SECRET}})["RunId"]
    for path in ("/workflows", "/workflow?name=flow", f"/workflow?name=flow&run={workflow_run}"):
        _, text = get(daemon, path)
        assert '"secret":"***"' in text
        assert SECRET not in text
    told = daemon.call("GetWorkflowRunProperties", {"Name": "flow", "RunId": workflow_run})["RunProperties"]
    assert told == {**properties, "token": SECRET}


def test_the_command_line_hides_it(daemon: Daemon, run_id: str, tmp_path: Path) -> None:
    said = ""
    for words in (["show", run_id], ["explain", run_id], ["runs"], ["jobs"]):
        for form in ("table", "json"):
            done = command.call(tmp_path, "--endpoint-url", daemon.endpoint_url, *words, "-o", form)
            assert done.returncode == 0
            said += done.stdout + done.stderr
    assert SECRET not in said
    assert '"--api-key": "***"' in said
    assert '"--db-password": "***"' in said


def test_jobs_are_told_without_it_by_the_words_of_the_settings_too(daemon: Daemon, tmp_path: Path) -> None:
    daemon.job("worded", "", DefaultArguments={"--DSN_OF_OURS": SECRET})
    places = ("--endpoint-url", daemon.endpoint_url)
    done = command.call(tmp_path, "jobs", "-o", "json", *places, more=ENVIRONMENT)
    assert '"--DSN_OF_OURS": "***"' in done.stdout
    assert SECRET not in done.stdout


def test_what_a_script_says_of_it_when_it_fails_is_hidden(daemon: Daemon, tmp_path: Path) -> None:
    arguments = {"--db-password": SECRET, "--header": f"Authorization: Bearer {SECRET}", "--dsn": SECRET}
    job = daemon.job("babbling", "import sys; raise ValueError('unrecognized arguments: ' + ' '.join(sys.argv[1:]))")
    run = runs.finish(daemon, job, Arguments=arguments)
    assert SECRET in run["ErrorMessage"]  # which GetJobRun tells, as it tells the arguments

    said = "".join(
        daemon.get(path)[1].decode() for path in ("/runs", f"/runs/{run['Id']}", f"/runs/{run['Id']}/explain")
    )
    for words in (["runs"], ["show", run["Id"]], ["explain", run["Id"]]):
        said += command.call(tmp_path, "--endpoint-url", daemon.endpoint_url, *words).stdout
    assert "unrecognized arguments" in said
    assert SECRET not in said
    assert SECRET not in daemon.log()


def test_no_process_but_the_script_has_it_on_its_command_line(daemon: Daemon, run_id: str) -> None:
    lines = command_lines(processes.below(daemon.state_dir))
    script = [pid for pid, line in lines.items() if SECRET in line]
    assert len(script) == 1
    ours = psutil.Process(daemon.pid)
    others = command_lines([ours, *ours.children(recursive=True)])
    assert daemon.pid in others
    assert SECRET not in str([line for pid, line in others.items() if pid != script[0]])


def command_lines(processes: Iterable[psutil.Process]) -> dict[int, list[str]]:
    """Return the command lines of processes; one that has just ended has none."""
    found = {}
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            found[process.pid] = process.cmdline()
    return found


def test_its_files_are_the_daemons_users_alone(daemon: Daemon, run_id: str) -> None:
    found = [Path(place) / name for place, folders, files in os.walk(daemon.state_dir) for name in [*folders, *files]]
    assert [path for path in found if SECRET.encode() in _bytes(path)]
    assert [path for path in found if not path.is_symlink() and path.stat().st_mode & 0o077] == []


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def test_the_log_tells_nothing_of_it(daemon: Daemon, job: str, run_id: str, tmp_path: Path) -> None:
    """Whatever becomes of the call: accepted, refused by a rule, sent again with other arguments."""
    invocation = {"amz-sdk-invocation-id": "11111111-2222-3333-4444-555555555555"}
    gate = tmp_path / "gate-of-another"
    gate.touch()
    members = {"JobName": job, "Arguments": {**ARGUMENTS, "--gate": str(gate)}}
    other = daemon.call("StartJobRun", members, invocation)["JobRunId"]
    again = {**members, "Arguments": {"--password": SECRET + SECRET}}
    assert daemon.call("StartJobRun", again, invocation)["__type"] == "InvalidInputException"
    for broken in (
        {"Arguments": {"--password": f"{SECRET}\0"}},
        {"Arguments": {"--password": SECRET * 10_000}},
        {"Arguments": {"--customer-driver-env-vars": f'CUSTOMER_TOKEN="{SECRET}'}},
        {"Timeout": 0, **members},
        {"Arguments": f"--password={SECRET}"},
    ):
        assert "__type" in daemon.call("StartJobRun", {"JobName": job, **broken})
    daemon.ended(job, other)

    assert "request_refused" in daemon.log()
    assert SECRET not in daemon.log()

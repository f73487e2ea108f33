"""The commands about triggers, workflows and chains do against a real daemon what their help says."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import command, runs
from tests.support.daemon import Daemon
from tests.support.waiting import until

ENVIRONMENT: Final = {"ORCHESTRATOR_RETRIES__FIRST_DELAY_S": "300"}

COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")

Cli = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def cli(daemon: Daemon, tmp_path: Path) -> Cli:
    """Lend the command line, pointed at the daemon."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return command.call(tmp_path, *arguments, more={"AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url})

    return call


def on_terminal(daemon: Daemon, home: Path, *arguments: str, columns: int = 80) -> str:
    """Run a command on a terminal so wide, and return what it was sent."""
    environment = command.environment(home, {"AWS_ENDPOINT_URL_GLUE": daemon.endpoint_url, "COLUMNS": str(columns)})
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "orchestrator", *arguments], env=environment, cwd=home, stdin=theirs, stdout=theirs
    ) as process:
        os.close(theirs)
        sent = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux's way to say that nobody writes any more
                break
            if not part:
                break
            sent += part
        assert process.wait(timeout=30) == 0
    os.close(ours)
    return sent.decode()


def job_with(daemon: Daemon, name: str, script: str = "print(1)\n", **members: Any) -> str:
    return daemon.job(name, script, MaxCapacity=1.0, **members)


def create(daemon: Daemon, name: str, *jobs: str, watched: str | None = None, **members: Any) -> str:
    kind: dict[str, Any] = {"Type": "ON_DEMAND"}
    if watched is not None:
        condition = {"LogicalOperator": "EQUALS", "JobName": watched, "State": "SUCCEEDED"}
        kind = {"Type": "CONDITIONAL", "Predicate": {"Conditions": [condition]}, "StartOnCreation": True}
    actions = [{"JobName": job} for job in jobs]
    answer = daemon.call("CreateTrigger", {"Name": name, "Actions": actions, **kind, **members})
    assert answer == {"Name": name}, answer
    return name


def ended(daemon: Daemon, job: str) -> dict[str, Any]:
    """Wait until there is a run of a job, and then for its end; return it."""
    found = until(lambda: daemon.call("GetJobRuns", {"JobName": job})["JobRuns"], what=f"a run of {job}") or []
    return daemon.ended(job, found[0]["Id"])


def test_a_trigger_is_fired_and_its_chain_explained(daemon: Daemon, cli: Cli, tmp_path: Path) -> None:
    first, second = job_with(daemon, "first"), job_with(daemon, "a_second_job_with_a_name_that_is_rather_long")
    create(daemon, "hand", first)
    create(daemon, "follows", second, watched=first)

    done = cli("trigger", "start", "hand")

    assert (done.returncode, done.stderr) == (0, "")
    run_id = done.stdout.split()[5]
    assert done.stdout == f"hand has fired and started:\n  {run_id}  {first}\n"
    last = ended(daemon, second)["Id"]
    (fired,) = json.loads(cli("trigger", "start", "hand", "-o", "json").stdout)["last_firing"]["runs"]
    assert (fired["job_name"], fired["id"] == run_id) == (first, False)
    unknown = cli("explain", "jr_" + 64 * "0")
    assert (unknown.returncode, "any job" in unknown.stderr) == (66, False)
    shown = cli("explain", last[:20]).stdout
    assert shown.startswith(f"{last} of job {second} ended as SUCCEEDED at ")
    assert "Trigger follows (CONDITIONAL) started it at " in shown
    rows = [line.split() for line in shown.splitlines()]
    assert [first, "SUCCEEDED", "SUCCEEDED", run_id[:11]] in rows
    tree = shown[shown.index("CHAIN ") :].splitlines()[1:5]
    assert [line.split("  ")[0] for line in tree[:2]] == ["hand", f"`- {first}"]
    assert tree[3].startswith(f"      `- {second}  {last[:11]}  SUCCEEDED")
    assert tree[3].endswith("this run")
    assert shown.splitlines()[-1].split()[2:] == ["RUNNING", "SUCCEEDED", "SUCCEEDED"]

    for columns in (80, 120):
        sent = on_terminal(daemon, tmp_path, "explain", last, columns=columns)
        assert "   └─ follows" in sent
        plain = COLOUR.sub("", sent)
        assert max(map(len, plain.splitlines())) <= columns
        assert "\x1b" not in plain
    assert json.loads(cli("explain", last, "-o", "json").stdout)["run"]["id"] == last


def test_triggers_are_listed_activated_and_deactivated(daemon: Daemon, cli: Cli, tmp_path: Path) -> None:
    job = job_with(daemon, "listed")
    create(daemon, "timed", job, Type="SCHEDULED", Schedule="cron(0 2 * * ? *)")

    started = cli("trigger", "start", "timed")
    assert started.stdout.startswith("timed is ACTIVATED; it fires next at 20")
    (line,) = [line for line in cli("triggers").stdout.splitlines() if line.startswith("timed ")]
    assert re.search(r"SCHEDULED +ACTIVATED +[-0-9 ]*\d\d:\d\d +- +-$", line), line
    assert cli("trigger", "stop", "timed").stdout == "timed is DEACTIVATED\n"
    assert json.loads(cli("trigger", "stop", "timed", "-o", "json").stdout) == {"Name": "timed"}
    (told,) = [one for one in json.loads(cli("triggers", "-o", "json").stdout) if one["name"] == "timed"]
    assert (told["state"], told["upcoming_ms"], told["schedule"]) == ("DEACTIVATED", [], "cron(0 2 * * ? *)")
    missing = cli("trigger", "start", "nobody")
    assert (missing.returncode, "there is no trigger nobody" in missing.stderr) == (66, True)
    plain = COLOUR.sub("", on_terminal(daemon, tmp_path, "triggers"))
    assert max(map(len, plain.splitlines())) <= 80


def test_a_workflow_is_started_waited_for_and_shown(daemon: Daemon, cli: Cli) -> None:
    first, second = job_with(daemon, "w_first"), job_with(daemon, "w_second")
    daemon.call("CreateWorkflow", {"Name": "etl"})
    create(daemon, "w_start", first, WorkflowName="etl")
    create(daemon, "w_then", second, watched=first, WorkflowName="etl")

    done = cli("workflow", "start", "etl", "--property", "day=1", "--wait")

    run_id = done.stdout.strip()
    assert done.returncode == 0
    assert done.stderr == f"orchestrator: {run_id} COMPLETED (2 of 2 succeeded)\n"
    shown = cli("workflow", "show", "etl", run_id[:12]).stdout
    assert f"Run           {run_id}\nStatus        COMPLETED\n" in shown
    assert "Property day  1\n" in shown
    assert re.search(r"\n      `- w_second +jr_[0-9a-f]{8} +SUCCEEDED ", shown), shown
    listed = cli("workflow", "show", "etl").stdout
    assert f"{run_id[:11]}  COMPLETED" in listed
    assert re.search(r"\nw_then +CONDITIONAL +ACTIVATED +w_first SUCCEEDED +w_second\n", listed), listed
    job_run = ended(daemon, second)["Id"]
    overview = cli("workflow", "list").stdout
    assert re.search(rf"\netl +0 +{run_id[:11]} +COMPLETED +", overview), overview
    facts = cli("show", job_run).stdout
    assert re.search(rf"\nTrigger +w_then\nChain +\d+\nWorkflow +etl\n  run +{run_id} COMPLETED\n", facts), facts
    assert cli("workflow", "start", "nobody").returncode == 66


def test_a_workflow_run_in_which_something_fails_ends_the_wait_with_one(daemon: Daemon, cli: Cli) -> None:
    job = job_with(daemon, "w_fails", "raise SystemExit(3)\n")
    daemon.call("CreateWorkflow", {"Name": "sad"})
    create(daemon, "w_sad", job, WorkflowName="sad")

    done = cli("workflow", "start", "sad", "--wait", "-o", "json")

    assert done.returncode == 1
    run = json.loads(done.stdout)
    assert (run["status"], run["statistics"]["failed_actions"]) == ("COMPLETED", 1)
    assert "COMPLETED (0 of 1 succeeded, 1 failed)" in done.stderr


def test_run_and_wait_say_that_a_retry_will_be_made(daemon: Daemon, cli: Cli) -> None:
    job = job_with(daemon, "flaky", "raise SystemExit(3)\n", MaxRetries=1)

    done = cli("run", job)

    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "will be retried" in line]
    run_id = line.split()[1]
    assert cli("wait", run_id).stderr == f"{line}\n"
    shown = cli("explain", run_id).stdout
    assert "It will be retried at 20" in shown
    assert "retry 1 of at most 1." in shown
    assert runs.details(daemon, run_id)["run"]["retry_due_ms"] is not None

"""The AWS SDK for JavaScript defines, starts, pages, stops and is refused as boto3 is, with its own types."""

import json
import os
import shutil
from pathlib import Path
from typing import Any, Final

import pytest

from tests.conformance.clients.running import ENVIRONMENT, HERE, needs_javascript, running, sdk_variables
from tests.support import processes, runs
from tests.support.daemon import Daemon
from tests.support.dropping_proxy import dropping_proxy

pytestmark = [needs_javascript, pytest.mark.timeout(120)]

WRITE: Final = """
import json, os, sys
arguments = dict(zip(sys.argv[1::2], sys.argv[2::2]))
with open(arguments["--out"], "a") as out:
    print(json.dumps([os.getpid(), arguments]), file=out)
"""


def javascript(daemon: Daemon, home: Path, calls: list[list[Any]], *, endpoint_url: str | None = None) -> list[Any]:
    """Make calls with the SDK; return their answers."""
    node = shutil.which("node") or "node"
    variables = {**sdk_variables(daemon), "CLIENT_MODULES": str(ENVIRONMENT / "javascript")}
    variables["PATH"] = f"{Path(node).parent}:{os.defpath}"
    variables["AWS_ENDPOINT_URL"] = endpoint_url or daemon.endpoint_url
    with running([node, str(HERE / "js" / "client.mjs")], home, variables, calls) as client:
        answers: list[Any] = client.answer(within_s=60)
    return answers


def test_a_job_goes_its_whole_way(daemon: Daemon, tmp_path: Path) -> None:
    script, out = tmp_path / "whole.py", tmp_path / "out"
    script.write_text(WRITE)
    command = {"Name": "pythonshell", "ScriptLocation": str(script), "PythonVersion": "3.9"}
    arguments = {"--out": str(out), "--who": "moon ☾"}
    created, started, ended, job, deleted, gone = javascript(
        daemon,
        tmp_path,
        [
            ["send", "CreateJob", {"Name": "js", "Role": "r", "Command": command, "MaxCapacity": 1}],
            ["send", "StartJobRun", {"JobName": "js", "Arguments": arguments}],
            ["until", "GetJobRun", {"JobName": "js", "RunId": "$1.JobRunId"}],
            ["send", "GetJob", {"JobName": "js"}],
            ["send", "DeleteJob", {"JobName": "js"}],
            ["send", "GetJob", {"JobName": "js"}],
        ],
    )
    assert (created["Name"], created["$status"]) == ("js", 200)
    assert (ended["Id"], ended["JobRunState"], ended["$dates"]) == (started["JobRunId"], "SUCCEEDED", True)
    assert ended["Arguments"] == arguments
    assert job["Job"]["Command"] == command
    assert deleted["JobName"] == "js"
    assert (gone["$error"], gone["$typed"], gone["$status"]) == ("EntityNotFoundException", True, 400)
    ((_, seen),) = map(json.loads, out.read_text().splitlines())
    assert {key: value for key, value in seen.items() if key not in runs.INJECTED} == arguments


def test_a_run_is_stopped(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("js_stopped", f"{WRITE}{runs.WAIT_FOR_GATE}")
    out = tmp_path / "out"
    run_id = runs.start(daemon, job, Arguments={"--out": str(out), "--gate": str(tmp_path / "gate")})
    runs.in_state(daemon, job, run_id, "RUNNING")
    stopped, ended = javascript(
        daemon,
        tmp_path,
        [
            ["send", "BatchStopJobRun", {"JobName": job, "JobRunIds": [run_id, "jr_none"]}],
            ["until", "GetJobRun", {"JobName": job, "RunId": run_id}],
        ],
    )
    assert stopped["SuccessfulSubmissions"] == [{"JobName": job, "JobRunId": run_id}]
    assert [one["ErrorDetail"]["ErrorCode"] for one in stopped["Errors"]] == ["EntityNotFoundException"]
    assert ended["JobRunState"] == "STOPPED"
    for line in out.read_text().splitlines() if out.exists() else []:
        assert not processes.is_alive(json.loads(line)[0])


def test_a_failure_is_told(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("js_failed", "raise ValueError('no such flight')\n")
    _, ended = javascript(
        daemon,
        tmp_path,
        [["send", "StartJobRun", {"JobName": job}], ["until", "GetJobRun", {"JobName": job, "RunId": "$0.JobRunId"}]],
    )
    assert (ended["JobRunState"], ended["ErrorMessage"]) == ("FAILED", "ValueError: no such flight")


def test_the_paginators_give_every_item_once(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("js_paged", "pass\n", ExecutionProperty={"MaxConcurrentRuns": 20})
    ids = [runs.start(daemon, job) for _ in range(5)]
    for run_id in ids:
        daemon.ended(job, run_id)
    run_pages, job_pages, name_pages = javascript(
        daemon,
        tmp_path,
        [["page", "GetJobRuns", {"JobName": job}, 2], ["page", "GetJobs", {}, 2], ["page", "ListJobs", {}, 2]],
    )
    assert [[run["Id"] for run in page["JobRuns"]] for page in run_pages] == [ids[:2:-1], ids[2:0:-1], ids[:1]]
    names = [name for page in name_pages for name in page["JobNames"]]
    assert job in names
    assert [one["Name"] for page in job_pages for one in page["Jobs"]] == names
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("name", "members", "error"),
    [
        ("StartJobRun", {"JobName": "none"}, "EntityNotFoundException"),
        ("StartJobRun", {"JobName": "js_typed", "Timeout": 10_081}, "InvalidInputException"),
        ("GetJobRun", {"JobName": "none", "RunId": "jr_none"}, "EntityNotFoundException"),
        ("ResetJobBookmark", {"JobName": "none"}, "EntityNotFoundException"),
    ],
)
def test_errors_are_typed(daemon: Daemon, tmp_path: Path, name: str, members: dict[str, Any], error: str) -> None:
    daemon.job("js_typed", "pass\n")
    (answer,) = javascript(daemon, tmp_path, [["send", name, members]])
    assert (answer["$error"], answer["$typed"]) == (error, True)
    assert answer["$message"]


def test_a_start_whose_answer_is_lost_is_one_run(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("js_lost_answer", WRITE, ExecutionProperty={"MaxConcurrentRuns": 20})
    out = tmp_path / "out"
    start = ["send", "StartJobRun", {"JobName": job, "Arguments": {"--out": str(out)}}]
    with dropping_proxy(daemon.port, drops=2) as proxy:
        (answer,) = javascript(daemon, tmp_path, [start], endpoint_url=proxy.endpoint_url)
    assert (len(proxy.requests), answer["$attempts"]) == (3, 3)
    daemon.ended(job, answer["JobRunId"])
    assert [run["Id"] for run in daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]] == [answer["JobRunId"]]
    assert len(out.read_text().splitlines()) == 1

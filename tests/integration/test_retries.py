"""Retries and chains as a client sees them, with real scripts: ids, attempts, predecessors, and what is queued."""

import json
from pathlib import Path
from typing import Any, Final

from tests.support import runs
from tests.support.chain_calls import Call, conditional, on_demand
from tests.support.daemon import Daemon
from tests.support.waiting import until

ENVIRONMENT: Final = {"ORCHESTRATOR_RETRIES__FIRST_DELAY_S": "0.1", "ORCHESTRATOR_RETRIES__FACTOR": "1"}
FAILS_TWICE: Final = "import os, sys\nsys.exit(0 if os.environ['ORCH_JOB_RUN_ID'].endswith('_attempt_2') else 3)\n"


def caller(daemon: Daemon) -> Call:
    def call(action: str, **members: Any) -> dict[str, Any]:
        return daemon.call(action, members)

    return call


def test_a_run_is_retried_until_it_succeeds_and_each_attempt_names_the_one_before(daemon: Daemon) -> None:
    job = daemon.job("flaky", FAILS_TWICE, MaxRetries=5)
    first = runs.start(daemon, job, Arguments={"--day": "1"})
    ids = [first, f"{first}_attempt_1", f"{first}_attempt_2"]
    until(lambda: "JobRun" in daemon.call("GetJobRun", {"JobName": job, "RunId": ids[-1]}), what="the last attempt")
    daemon.ended(job, ids[-1])
    found = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
    assert [(run["Id"], run["Attempt"], run["JobRunState"], run.get("PreviousRunId")) for run in found] == [
        (ids[2], 2, "SUCCEEDED", ids[1]),
        (ids[1], 1, "FAILED", ids[0]),
        (ids[0], 0, "FAILED", None),
    ]
    assert {run["Arguments"]["--day"] for run in found} == {"1"}
    assert found[-1]["ErrorMessage"] == "Command failed with exit code 3"


def test_what_a_trigger_started_names_it_and_the_last_attempt_of_what_it_waited_for(daemon: Daemon) -> None:
    call = caller(daemon)
    before, after = daemon.job("before", FAILS_TWICE, MaxRetries=2), daemon.job("after", "pass\n")
    on_demand(call, "begin", before)
    conditional(call, "follow", [after], {before: "SUCCEEDED"})
    assert call("StartTrigger", Name="begin") == {"Name": "begin"}
    [run] = until(lambda: call("GetJobRuns", JobName=after)["JobRuns"], what="the run that follows")
    assert daemon.ended(after, run["Id"])["JobRunState"] == "SUCCEEDED"
    answer = call("GetJobRun", JobName=after, RunId=run["Id"], PredecessorsIncluded=True)["JobRun"]
    [predecessor] = answer["PredecessorRuns"]
    attempts = call("GetJobRuns", JobName=before)["JobRuns"]
    assert (answer["TriggerName"], predecessor) == ("follow", {"JobName": before, "RunId": attempts[0]["Id"]})
    assert {attempt["TriggerName"] for attempt in attempts} == {"begin"}
    assert daemon.run(after, run["Id"])["PredecessorRuns"] == []  # nobody asked


def test_runs_of_a_busy_job_that_a_trigger_started_wait_and_start_in_order(daemon: Daemon, tmp_path: Path) -> None:
    call = caller(daemon)
    gate, book = tmp_path / "gate", tmp_path / "book"
    script = (
        "import os, time\n"
        f"while not os.path.exists({str(gate)!r}): time.sleep(0.01)\n"
        f"open({str(book)!r}, 'a').write(os.environ['ORCH_JOB_RUN_ID'] + '\\n')\n"
    )
    job = daemon.job("busy", script)
    on_demand(call, "again", job)
    for _ in range(4):
        call("StartTrigger", Name="again")
    ids = [run["Id"] for run in reversed(call("GetJobRuns", JobName=job)["JobRuns"])]
    runs.in_state(daemon, job, ids[0], "RUNNING")
    last = daemon.run(job, ids[-1])
    assert (last["JobRunState"], last["JobRunQueuingEnabled"]) == ("WAITING", True)
    assert last["StateDetail"] == "Waiting for one of the job's 1 concurrent runs to end; place 3 in the queue"
    gate.touch()
    for run_id in ids:
        assert daemon.ended(job, run_id)["JobRunState"] == "SUCCEEDED"
    assert book.read_text().split() == ids


def test_the_end_of_each_attempt_is_a_line_of_the_log_in_eventbridges_shape(daemon: Daemon) -> None:
    job = daemon.job("told", "raise SystemExit(1)\n", MaxRetries=1)
    first = runs.start(daemon, job)
    ids = {first, f"{first}_attempt_1"}

    def told() -> list[dict[str, object]]:
        lines = [json.loads(line) for line in daemon.log().splitlines() if '"glue_event"' in line]
        return [line["detail"] for line in lines if line["detail"]["jobRunId"] in ids]

    until(lambda: len(told()) >= 2, what="two events")
    assert {str(detail["jobRunId"]) for detail in told()} == ids
    assert {(detail["state"], detail["severity"]) for detail in told()} == {("FAILED", "ERROR")}
    assert len(told()) == 2

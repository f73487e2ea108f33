"""Runs can be looked at and listed while others come and go, and a stop that was accepted is the run's end."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon
from tests.support.waiting import until

ONE_SECOND: Final = """
import os, time
def age_s():
    ticks = open("/proc/self/stat").read().rpartition(")")[2].split()[19]
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(ticks) / os.sysconf("SC_CLK_TCK")
while age_s() < 1.1: time.sleep(0.01)
"""
"""Ends when its process is a little older than a second, however long the interpreter took to start."""
ENVIRONMENT: Final = {"ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30", "ORCHESTRATOR_RUNS__STOP_GRACE_S": "5"}
NO_SCRIPT: Final = "pass\n"
NOBODY: Final = f"jr_{'0' * 64}"

ALWAYS: Final = {
    "Id",
    "JobName",
    "JobRunState",
    "Attempt",
    "StartedOn",
    "LastModifiedOn",
    "ExecutionTime",
    "AllocatedCapacity",
    "MaxCapacity",
    "GlueVersion",
    "LogGroupName",
    "Arguments",
    "PredecessorRuns",
}


def stop(daemon: Daemon, job: str, *run_ids: str) -> dict[str, Any]:
    answer = daemon.call("BatchStopJobRun", {"JobName": job, "JobRunIds": list(run_ids)})
    assert set(answer) == {"SuccessfulSubmissions", "Errors"}, answer
    return answer


def accepted(answer: dict[str, Any]) -> list[str]:
    return [submission["JobRunId"] for submission in answer["SuccessfulSubmissions"]]


def error(job: str, run_id: str, code: str, sentence: str) -> dict[str, Any]:
    return {"JobName": job, "JobRunId": run_id, "ErrorDetail": {"ErrorCode": code, "ErrorMessage": sentence}}


def listed(daemon: Daemon, job: str, **members: Any) -> tuple[list[str], str | None]:
    answer = daemon.call("GetJobRuns", {"JobName": job, **members})
    return [run["Id"] for run in answer["JobRuns"]], answer.get("NextToken")


def pages(daemon: Daemon, job: str, size: int) -> Iterator[list[str]]:
    page, token = listed(daemon, job, MaxResults=size)
    yield page
    while token:
        page, token = listed(daemon, job, MaxResults=size, NextToken=token)
        yield page


@pytest.fixture(scope="module")
def history(daemon: Daemon) -> tuple[str, list[str]]:
    """Return a job and the ids of its seven runs, newest first."""
    job = daemon.job("history", NO_SCRIPT, ExecutionProperty={"MaxConcurrentRuns": 50})
    ids = [runs.start(daemon, job) for _ in range(7)]
    for run_id in ids:
        daemon.ended(job, run_id)
    return job, ids[::-1]


# GetJobRun.


def test_a_live_run_has_every_member_that_clients_index(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("live_members", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        run = daemon.run(job, run_id)
        assert set(run) >= ALWAYS
        assert not {"CompletedOn", "ErrorMessage"} & set(run)


def test_an_ended_run_has_every_member_that_clients_index(daemon: Daemon) -> None:
    run = runs.succeed(daemon, daemon.job("ended_members", NO_SCRIPT))
    assert set(run) >= ALWAYS | {"CompletedOn"}
    assert run["Arguments"] == {}
    assert run["PredecessorRuns"] == []
    assert run["LogGroupName"] == "/aws-glue/python-jobs"


def test_a_failed_run_has_an_error_message(daemon: Daemon) -> None:
    run = runs.finish(daemon, daemon.job("failed_members", "raise SystemExit(3)\n"))
    assert (run["JobRunState"], run["ErrorMessage"]) == ("FAILED", "Command failed with exit code 3")


def test_the_times_of_a_run_are_in_order_and_in_seconds(daemon: Daemon) -> None:
    run = runs.succeed(daemon, daemon.job("times", NO_SCRIPT))
    assert 1_600_000_000 < run["StartedOn"] <= run["CompletedOn"] == run["LastModifiedOn"] < 4_000_000_000


def test_the_execution_time_is_that_of_the_script(daemon: Daemon) -> None:
    run = runs.succeed(daemon, daemon.job("one_second", ONE_SECOND))
    assert run["ExecutionTime"] == 1


@pytest.mark.parametrize("flag", [{}, {"PredecessorsIncluded": True}, {"PredecessorsIncluded": False}])
def test_a_run_started_by_hand_has_no_predecessors_however_it_is_asked_for(
    daemon: Daemon, flag: dict[str, Any]
) -> None:
    job = daemon.job(f"predecessors_{uuid.uuid4()}", NO_SCRIPT)
    run_id = runs.finish(daemon, job)["Id"]
    answer = daemon.call("GetJobRun", {"JobName": job, "RunId": run_id, **flag})
    assert answer["JobRun"]["PredecessorRuns"] == []


@pytest.mark.parametrize("run_id", [NOBODY, "jr_0", "anything", f"{NOBODY}_attempt_0"])
def test_an_unknown_run_is_not_found(daemon: Daemon, history: tuple[str, list[str]], run_id: str) -> None:
    job, _ = history
    assert runs.refused(daemon, "GetJobRun", JobName=job, RunId=run_id) == (
        "EntityNotFoundException",
        f"Job run with id: {run_id} not found for job: {job}.",
    )


def test_a_run_of_an_unknown_job_is_not_found(daemon: Daemon, history: tuple[str, list[str]]) -> None:
    _, ids = history
    assert runs.refused(daemon, "GetJobRun", JobName="nobody", RunId=ids[0])[0] == "EntityNotFoundException"


def test_a_run_of_another_job_is_not_found(daemon: Daemon, history: tuple[str, list[str]]) -> None:
    other = daemon.job("not_its_job", NO_SCRIPT)
    run_id = history[1][0]
    assert runs.refused(daemon, "GetJobRun", JobName=other, RunId=run_id) == (
        "EntityNotFoundException",
        f"Job run with id: {run_id} not found for job: {other}.",
    )


# GetJobRuns.


def test_runs_are_listed_newest_first(daemon: Daemon, history: tuple[str, list[str]]) -> None:
    job, ids = history
    assert listed(daemon, job) == (ids, None)


@pytest.mark.parametrize("size", [1, 3, 7, 200])
def test_pages_of_any_size_give_every_run_once(daemon: Daemon, history: tuple[str, list[str]], size: int) -> None:
    job, ids = history
    seen = list(pages(daemon, job, size))
    assert [run_id for page in seen for run_id in page] == ids
    assert all(len(page) == size for page in seen[:-1])
    assert seen[-1]  # the last page is never an empty one


def test_runs_that_start_between_two_pages_shift_none(daemon: Daemon) -> None:
    job = daemon.job("shifting", NO_SCRIPT, ExecutionProperty={"MaxConcurrentRuns": 50})
    before = [runs.start(daemon, job) for _ in range(4)][::-1]
    first, token = listed(daemon, job, MaxResults=2)
    new = [runs.start(daemon, job) for _ in range(3)]
    second, end = listed(daemon, job, MaxResults=2, NextToken=token)
    assert (first + second, end) == (before, None)
    for run_id in before + new:
        daemon.ended(job, run_id)


def test_a_job_without_runs_has_an_empty_list(daemon: Daemon) -> None:
    assert listed(daemon, daemon.job("never_ran", NO_SCRIPT)) == ([], None)


def test_an_empty_token_is_the_first_page(daemon: Daemon, history: tuple[str, list[str]]) -> None:
    job, ids = history
    assert listed(daemon, job, NextToken="") == (ids, None)


@pytest.mark.parametrize("token", ["nonsense", "WzEsImpvYi1ydW5zIl0", "ä", "x" * 10_000, "\x00"])
def test_a_malformed_token_is_refused(daemon: Daemon, history: tuple[str, list[str]], token: str) -> None:
    name, sentence = runs.refused(daemon, "GetJobRuns", JobName=history[0], NextToken=token)
    assert name == "InvalidInputException"
    assert sentence.endswith("is not a token of this listing.")


def test_a_token_of_another_job_is_refused(daemon: Daemon, history: tuple[str, list[str]]) -> None:
    _, token = listed(daemon, history[0], MaxResults=1)
    other = daemon.job("token_of_other", NO_SCRIPT)
    assert runs.refused(daemon, "GetJobRuns", JobName=other, NextToken=token) == (
        "InvalidInputException",
        f"NextToken '{token}' is not a token of this listing.",
    )


@pytest.mark.parametrize(("size", "bound"), [(0, "greater than or equal to 1"), (201, "less than or equal to 200")])
def test_a_page_size_out_of_its_bounds_is_refused(
    daemon: Daemon, history: tuple[str, list[str]], size: int, bound: str
) -> None:
    assert runs.refused(daemon, "GetJobRuns", JobName=history[0], MaxResults=size) == (
        "InvalidInputException",
        (
            f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: "
            f"Member must have value {bound}"
        ),
    )


def test_the_runs_of_an_unknown_job_are_not_found(daemon: Daemon) -> None:
    assert runs.refused(daemon, "GetJobRuns", JobName="nobody") == (
        "EntityNotFoundException",
        "Job with name: nobody not found.",
    )


def test_a_listed_run_is_the_run_as_it_is_got(daemon: Daemon, history: tuple[str, list[str]]) -> None:
    job, ids = history
    listing = daemon.call("GetJobRuns", {"JobName": job, "MaxResults": 1})["JobRuns"]
    assert listing == [daemon.run(job, ids[0])]


# BatchStopJobRun.


def test_a_stopped_run_ends_as_stopped_and_says_so(daemon: Daemon) -> None:
    job = daemon.job("stopped", "import time\ntime.sleep(600)\n")
    run_id = runs.start(daemon, job)
    runs.in_state(daemon, job, run_id, "RUNNING")
    assert stop(daemon, job, run_id) == {
        "SuccessfulSubmissions": [{"JobName": job, "JobRunId": run_id}],
        "Errors": [],
    }
    run = daemon.ended(job, run_id)
    assert (run["JobRunState"], run["ErrorMessage"]) == ("STOPPED", "Job run stopped by request")


def test_a_stop_right_after_the_start_stops(daemon: Daemon) -> None:
    job = daemon.job("overtaken", "import time\ntime.sleep(600)\n", ExecutionProperty={"MaxConcurrentRuns": 20})
    ids = [runs.start(daemon, job) for _ in range(8)]
    for run_id in ids:
        assert accepted(stop(daemon, job, run_id)) == [run_id]
    assert {daemon.ended(job, run_id)["JobRunState"] for run_id in ids} == {"STOPPED"}


def test_a_run_that_ignores_the_stop_is_stopping_until_the_grace_is_over(daemon: Daemon) -> None:
    script = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint(1)\ntime.sleep(600)\n"
    job = daemon.job("stubborn", script)
    run_id = runs.start(daemon, job)
    until(lambda: runs.output(daemon, run_id), what="the script's first line")
    stop(daemon, job, run_id)
    assert daemon.run(job, run_id)["JobRunState"] == "STOPPING"
    assert accepted(stop(daemon, job, run_id)) == [run_id]  # asked again, it succeeds again
    assert daemon.ended(job, run_id)["JobRunState"] == "STOPPED"


def test_a_run_that_has_ended_cannot_be_stopped(daemon: Daemon) -> None:
    job = daemon.job("too_late", NO_SCRIPT)
    run_id = runs.succeed(daemon, job)["Id"]
    sentence = f"Job run {run_id} is already in a terminal state: SUCCEEDED"
    assert stop(daemon, job, run_id) == {
        "SuccessfulSubmissions": [],
        "Errors": [error(job, run_id, "JobRunInTerminalStateException", sentence)],
    }


def test_each_id_has_an_answer_of_its_own(daemon: Daemon, history: tuple[str, list[str]]) -> None:
    job = daemon.job("mixed", "import time\ntime.sleep(600)\n")
    live, theirs = runs.start(daemon, job), history[1][0]
    answer = stop(daemon, job, NOBODY, live, theirs, "x")
    assert answer == {
        "SuccessfulSubmissions": [{"JobName": job, "JobRunId": live}],
        "Errors": [
            error(job, one, "EntityNotFoundException", f"Job run with id: {one} not found for job: {job}.")
            for one in (NOBODY, theirs, "x")
        ],
    }
    assert daemon.ended(job, live)["JobRunState"] == "STOPPED"


def test_an_id_given_twice_is_answered_once(daemon: Daemon) -> None:
    job = daemon.job("doubled", "import time\ntime.sleep(600)\n")
    run_id = runs.start(daemon, job)
    answer = stop(daemon, job, run_id, NOBODY, run_id, NOBODY)
    assert accepted(answer) == [run_id]
    assert [one["JobRunId"] for one in answer["Errors"]] == [NOBODY]
    daemon.ended(job, run_id)


def test_an_unknown_job_is_an_error_of_each_id(daemon: Daemon) -> None:
    answer = stop(daemon, "nobody", NOBODY, "x")
    assert answer["SuccessfulSubmissions"] == []
    assert [one["ErrorDetail"]["ErrorCode"] for one in answer["Errors"]] == ["EntityNotFoundException"] * 2


def test_twenty_five_ids_are_taken_at_once(daemon: Daemon) -> None:
    assert len(stop(daemon, "nobody", *(f"jr_{n}" for n in range(25)))["Errors"]) == 25


@pytest.mark.parametrize(("count", "bound"), [(0, "greater than or equal to 1"), (26, "less than or equal to 25")])
def test_fewer_than_one_id_or_more_than_twenty_five_are_refused(daemon: Daemon, count: int, bound: str) -> None:
    ids = [f"jr_{n}" for n in range(count)]
    name, sentence = runs.refused(daemon, "BatchStopJobRun", JobName="nobody", JobRunIds=ids)
    assert name == "InvalidInputException"
    assert sentence.endswith(f"at 'jobRunIds' failed to satisfy constraint: Member must have length {bound}")


def test_a_waiting_run_is_stopped_at_once_and_never_runs(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("stop_waiting", runs.WAIT_FOR_GATE, JobRunQueuingEnabled=True)
    with runs.gated_run(daemon, job, tmp_path / "gate"):
        waiting = runs.start(daemon, job)
        assert accepted(stop(daemon, job, waiting)) == [waiting]
        run = daemon.run(job, waiting)
        assert (run["JobRunState"], run["ErrorMessage"]) == ("STOPPED", "Job run stopped by request before it started")
        assert "CompletedOn" in run
        assert runs.output(daemon, waiting) == ""
    states = [step["to_state"] for step in runs.details(daemon, waiting)["history"]]
    assert states == ["WAITING", "STOPPED"]


def test_a_stop_of_a_tree_of_processes_leaves_none(daemon: Daemon, tmp_path: Path) -> None:
    script = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
pids = sys.argv[sys.argv.index("--pids") + 1]
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        with open(pids, "a") as file:
            file.write(f"{os.getpid()}\\n")
        os.execve("/bin/sleep", ["sleep", "600"], {})
    os._exit(0)
os.wait()
time.sleep(600)
"""
    job, pids = daemon.job("tree", script), tmp_path / "pids"
    run_id = runs.start(daemon, job, Arguments={"--pids": str(pids)})
    until(lambda: pids.exists() and pids.read_text(), what="the grandchild's pid")
    stop(daemon, job, run_id)
    assert daemon.ended(job, run_id)["JobRunState"] == "STOPPED"
    assert not Path(f"/proc/{pids.read_text().strip()}").exists()


def test_a_stopped_place_in_the_job_is_free_again(daemon: Daemon) -> None:
    job = daemon.job("freed", "import sys, time\nif '--long' in sys.argv: time.sleep(600)\n")
    run_id = runs.start(daemon, job, Arguments={"--long": ""})
    stop(daemon, job, run_id)
    daemon.ended(job, run_id)
    runs.succeed(daemon, job)

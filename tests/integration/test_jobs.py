"""A job is given back exactly as it was made, changes only whole, and a job of a file is its file's to change."""

import signal
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support import runs
from tests.support.daemon import Daemon
from tests.support.waiting import until

ENVIRONMENT: Final = {"ORCHESTRATOR_CAPACITY__MAX_PROCESSES": "30"}
NO_SCRIPT: Final = "pass\n"
MINIMAL: Final[dict[str, Any]] = {"Role": "r", "Command": {"Name": "glueetl"}}
FULL: Final[dict[str, Any]] = {
    "JobMode": "SCRIPT",
    "JobRunQueuingEnabled": False,
    "Description": "two lines\r\nof text",
    "LogUri": "s3://logs",
    "Role": "arn:aws:iam::123456789012:role/etl",
    "ExecutionProperty": {"MaxConcurrentRuns": 3},
    "Command": {"Name": "glueetl", "ScriptLocation": "s3://bucket/script.py", "PythonVersion": "3"},
    "DefaultArguments": {"--a": "1", "--empty": "", "plain": "x"},
    "NonOverridableArguments": {"--b": "2"},
    "Connections": {"Connections": ["one", "two"]},
    "MaxRetries": 2,
    "Timeout": 15,
    "SecurityConfiguration": "secure",
    "NotificationProperty": {"NotifyDelayAfter": 5},
    "GlueVersion": "4.0",
    "NumberOfWorkers": 3,
    "WorkerType": "G.1X",
    "ExecutionClass": "STANDARD",
    "SourceControlDetails": {"Provider": "GITHUB", "Repository": "r", "Branch": "main"},
    "MaintenanceWindow": "Sun:10",
}
ADDED_BY_GLUE: Final = ("Name", "CreatedOn", "LastModifiedOn", "AllocatedCapacity", "MaxCapacity")


def create(daemon: Daemon, name: str, **members: Any) -> None:
    assert daemon.call("CreateJob", {"Name": name, **members}) == {"Name": name}


def got(daemon: Daemon, name: str) -> dict[str, Any]:
    answer = daemon.call("GetJob", {"JobName": name})
    assert set(answer) == {"Job"}, answer
    job: dict[str, Any] = answer["Job"]
    return job


def without(job: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in job.items() if name not in names}


def names_listed(daemon: Daemon, **members: Any) -> list[str]:
    answer = daemon.call("ListJobs", {"MaxResults": 1000, **members})
    assert "NextToken" not in answer
    names: list[str] = answer["JobNames"]
    return names


def write_job_file(daemon: Daemon, name: str, text: str, script: str = NO_SCRIPT) -> Path:
    folder = daemon.jobs_dir / name
    folder.mkdir(exist_ok=True)
    (folder / "script.py").write_text(script)
    path = folder / "job.toml"
    path.write_text(text)
    return path


def reload(daemon: Daemon) -> None:
    """Send SIGHUP and wait until the files were read again."""
    before = daemon.log().count('"jobs_defined"')
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: daemon.log().count('"jobs_defined"') > before, what="the reload")


JOB_FILE: Final = '[Command]\nName = "pythonshell"\nScriptLocation = "script.py"\n'


# CreateJob and GetJob.


def test_a_job_is_given_back_exactly_as_it_was_made(daemon: Daemon) -> None:
    create(daemon, "full", **FULL)
    job = got(daemon, "full")
    assert without(job, *ADDED_BY_GLUE) == FULL
    assert (job["MaxCapacity"], job["AllocatedCapacity"]) == (3.0, 3)


def test_what_was_not_given_is_not_given_back_but_for_both_capacities(daemon: Daemon) -> None:
    create(daemon, "minimal", **MINIMAL)
    job = got(daemon, "minimal")
    assert set(job) == {*MINIMAL, *ADDED_BY_GLUE}
    assert (job["MaxCapacity"], job["AllocatedCapacity"]) == (10.0, 10)


@pytest.mark.parametrize(
    "members",
    [
        FULL,
        MINIMAL,
        {**MINIMAL, "MaxCapacity": 5},
        {"Role": "r", "Command": {"Name": "pythonshell"}, "MaxCapacity": 0.0625},
    ],
    ids=["full", "minimal", "MaxCapacity", "pythonshell"],
)
def test_what_get_job_gives_can_be_fed_into_create_job(daemon: Daemon, members: dict[str, Any]) -> None:
    name, copy = f"original_{uuid.uuid4()}", f"copy_{uuid.uuid4()}"
    create(daemon, name, **members)
    create(daemon, copy, **without(got(daemon, name), "Name", "CreatedOn", "LastModifiedOn"))
    times = ("Name", "CreatedOn", "LastModifiedOn")
    assert without(got(daemon, copy), *times) == without(got(daemon, name), *times)


def test_the_same_definition_again_is_accepted_again_and_changes_nothing(daemon: Daemon) -> None:
    create(daemon, "twice", **FULL)
    before = got(daemon, "twice")
    create(daemon, "twice", **FULL)
    assert got(daemon, "twice") == before


def test_another_definition_under_the_same_name_is_refused_and_changes_nothing(daemon: Daemon) -> None:
    create(daemon, "taken", **MINIMAL)
    before = got(daemon, "taken")
    assert runs.refused(daemon, "CreateJob", Name="taken", **{**MINIMAL, "Role": "other"}) == (
        "IdempotentParameterMismatchException",
        "Job already submitted with different configuration",
    )
    assert got(daemon, "taken") == before


def test_an_unknown_job_is_not_found(daemon: Daemon) -> None:
    assert runs.refused(daemon, "GetJob", JobName="nobody") == (
        "EntityNotFoundException",
        "Job with name: nobody not found.",
    )


@pytest.mark.parametrize(
    ("members", "sentence"),
    [
        (
            {**MINIMAL, "Command": {"Name": "odd"}},
            "Command.Name is 'odd', which is not one of glueetl, pythonshell, gluestreaming, glueray.",
        ),
        ({**MINIMAL, "MaxRetries": 11}, "MaxRetries is 11; it must be between 0 and 10."),
        ({**MINIMAL, "MaxRetries": -1}, "MaxRetries is -1; it must be between 0 and 10."),
        (
            {**MINIMAL, "ExecutionProperty": {"MaxConcurrentRuns": 0}},
            "ExecutionProperty.MaxConcurrentRuns is 0; it must be at least 1.",
        ),
        ({**MINIMAL, "Timeout": 10_081}, "Timeout is 10081; it must be between 1 and 10080 minutes (7 days)."),
        ({**MINIMAL, "Command": {"Name": "glueray"}, "Timeout": 5}, "Timeout not supported for Ray jobs"),
        (
            {**MINIMAL, "AllocatedCapacity": 5, "MaxCapacity": 6},
            "Please set only Allocated Capacity or Max Capacity.",
        ),
        (
            {**MINIMAL, "DefaultArguments": {"--v": "a\0"}},
            "DefaultArguments: the argument '--v' contains a NUL character, which no process can be given.",
        ),
    ],
)
def test_a_definition_that_no_run_could_follow_is_refused(
    daemon: Daemon, members: dict[str, Any], sentence: str
) -> None:
    assert runs.refused(daemon, "CreateJob", Name="impossible", **members) == ("InvalidInputException", sentence)
    assert "impossible" not in names_listed(daemon)


@pytest.mark.parametrize("name", ["", "x" * 256, "a\nb", "a\x00b"])
def test_a_name_that_glue_does_not_take_is_refused(daemon: Daemon, name: str) -> None:
    kind, sentence = runs.refused(daemon, "CreateJob", Name=name, **MINIMAL)
    assert kind == "InvalidInputException"
    assert "at 'name' failed to satisfy constraint" in sentence


# UpdateJob.


def test_an_update_replaces_the_whole_definition(daemon: Daemon) -> None:
    create(daemon, "updated", **FULL)
    created = got(daemon, "updated")
    update = {"Role": "new", "Command": {"Name": "pythonshell"}}
    assert daemon.call("UpdateJob", {"JobName": "updated", "JobUpdate": update}) == {"JobName": "updated"}
    job = got(daemon, "updated")
    assert without(job, *ADDED_BY_GLUE) == update
    assert job["CreatedOn"] == created["CreatedOn"]
    assert job["LastModifiedOn"] >= created["LastModifiedOn"]


def test_an_update_keeps_role_and_command_where_it_names_none(daemon: Daemon) -> None:
    create(daemon, "kept", **FULL)
    daemon.call("UpdateJob", {"JobName": "kept", "JobUpdate": {"Description": "new"}})
    assert without(got(daemon, "kept"), *ADDED_BY_GLUE) == {
        "Role": FULL["Role"],
        "Command": FULL["Command"],
        "Description": "new",
    }


def test_an_update_of_an_unknown_job_is_refused(daemon: Daemon) -> None:
    assert runs.refused(daemon, "UpdateJob", JobName="nobody", JobUpdate=MINIMAL) == (
        "EntityNotFoundException",
        "Job with name: nobody not found.",
    )


def test_an_update_that_no_run_could_follow_changes_nothing(daemon: Daemon) -> None:
    create(daemon, "unharmed", **FULL)
    before = got(daemon, "unharmed")
    update = {**MINIMAL, "MaxRetries": 99}
    assert runs.refused(daemon, "UpdateJob", JobName="unharmed", JobUpdate=update)[0] == "InvalidInputException"
    assert got(daemon, "unharmed") == before


# DeleteJob.


def test_a_deleted_job_is_gone_and_can_be_deleted_again(daemon: Daemon) -> None:
    create(daemon, "deleted", **MINIMAL)
    for _ in range(2):
        assert daemon.call("DeleteJob", {"JobName": "deleted"}) == {"JobName": "deleted"}
    assert runs.refused(daemon, "GetJob", JobName="deleted")[0] == "EntityNotFoundException"
    assert runs.refused_start(daemon, "deleted")[0] == "EntityNotFoundException"
    assert "deleted" not in names_listed(daemon)


def test_a_job_that_never_was_can_be_deleted(daemon: Daemon) -> None:
    assert daemon.call("DeleteJob", {"JobName": "never_was"}) == {"JobName": "never_was"}


def test_the_history_of_a_deleted_job_stays_readable(daemon: Daemon) -> None:
    job = daemon.job("remembered", "print('kept')\n")
    run = runs.succeed(daemon, job)
    daemon.call("DeleteJob", {"JobName": job})
    assert daemon.run(job, run["Id"]) == run
    assert daemon.call("GetJobRuns", {"JobName": job})["JobRuns"] == [run]
    assert runs.output(daemon, run["Id"]) == "kept\n"


def test_a_live_run_of_a_deleted_job_ends_as_it_will(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("orphaned", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        daemon.call("DeleteJob", {"JobName": job})
    assert daemon.run(job, run_id)["JobRunState"] == "SUCCEEDED"


COMMIT_AT_GATE: Final = (
    runs.WAIT_FOR_GATE + "import orchestrator_bookmark\norchestrator_bookmark.put({'from': 'old'})\n"
)
ENABLED: Final = {"--job-bookmark-option": "job-bookmark-enable"}


def test_what_a_run_of_a_deleted_job_commits_is_discarded(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("discarded", COMMIT_AT_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate", Arguments=ENABLED) as run_id:
        daemon.call("DeleteJob", {"JobName": job})
    assert daemon.run(job, run_id)["JobRunState"] == "SUCCEEDED"
    assert runs.refused(daemon, "GetJobBookmark", JobName=job)[0] == "EntityNotFoundException"


def test_what_a_run_of_the_old_job_commits_does_not_reach_the_new_one_of_that_name(
    daemon: Daemon, tmp_path: Path
) -> None:
    job = daemon.job("re_created", COMMIT_AT_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate", Arguments=ENABLED) as run_id:
        daemon.call("DeleteJob", {"JobName": job})
        daemon.job(job, COMMIT_AT_GATE)
    assert daemon.run(job, run_id)["JobRunState"] == "SUCCEEDED"
    assert runs.refused(daemon, "GetJobBookmark", JobName=job)[0] == "EntityNotFoundException"


def test_a_job_made_anew_begins_without_the_old_bookmark_and_keeps_the_old_history(daemon: Daemon) -> None:
    script = "import orchestrator_bookmark as b\nprint(b.read_text())\nb.put({'n': 1})\n"
    job = daemon.job("anew", script)
    old = runs.succeed(daemon, job, Arguments=ENABLED)
    daemon.call("DeleteJob", {"JobName": job})
    daemon.job(job, script)
    new = runs.succeed(daemon, job, Arguments=ENABLED)
    assert runs.output(daemon, new["Id"]) == "None\n"
    assert daemon.call("GetJobBookmark", {"JobName": job})["JobBookmarkEntry"]["Version"] == 1
    assert [run["Id"] for run in daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]] == [new["Id"], old["Id"]]


# Listings.


@pytest.mark.parametrize(
    ("action", "read"),
    [
        ("GetJobs", lambda answer: [job["Name"] for job in answer["Jobs"]]),
        ("ListJobs", lambda answer: answer["JobNames"]),
    ],
)
def test_every_job_is_listed_once_over_pages_in_order_of_its_name(
    daemon: Daemon, action: str, read: Callable[[dict[str, Any]], list[str]]
) -> None:
    mine = sorted(f"paged_{action}_{letter}" for letter in "abcdefg")
    for name in mine:
        create(daemon, name, **MINIMAL)
    seen: list[str] = []
    answer = daemon.call(action, {"MaxResults": 2})
    seen += read(answer)
    while "NextToken" in answer:
        answer = daemon.call(action, {"MaxResults": 2, "NextToken": answer["NextToken"]})
        seen += read(answer)
    assert seen == sorted(set(seen))
    assert [name for name in seen if name in mine] == mine


@pytest.mark.parametrize("action", ["GetJobs", "ListJobs"])
def test_a_token_of_another_listing_is_refused(daemon: Daemon, action: str) -> None:
    for letter in "ab":
        create(daemon, f"token_{letter}", **MINIMAL)
    other = {"GetJobs": "ListJobs", "ListJobs": "GetJobs"}[action]
    token = daemon.call(other, {"MaxResults": 1})["NextToken"]
    assert runs.refused(daemon, action, NextToken=token)[0] == "InvalidInputException"


def test_jobs_are_listed_by_all_of_the_tags_asked_for(daemon: Daemon) -> None:
    create(daemon, "tagged_both", **MINIMAL, Tags={"team": "a", "stage": "test"})
    create(daemon, "tagged_one", **MINIMAL, Tags={"team": "a", "stage": "live"})
    create(daemon, "tagged_none", **MINIMAL)
    assert names_listed(daemon, Tags={"team": "a"}) == ["tagged_both", "tagged_one"]
    assert names_listed(daemon, Tags={"team": "a", "stage": "test"}) == ["tagged_both"]
    assert names_listed(daemon, Tags={"team": "b"}) == []


def test_several_jobs_are_got_at_once_and_those_missing_are_named(daemon: Daemon) -> None:
    create(daemon, "batch_1", **MINIMAL)
    create(daemon, "batch_2", **FULL)
    answer = daemon.call("BatchGetJobs", {"JobNames": ["batch_2", "nobody", "batch_1", "batch_2"]})
    assert answer == {"Jobs": [got(daemon, "batch_2"), got(daemon, "batch_1")], "JobsNotFound": ["nobody"]}


# Jobs of files.


def test_a_file_that_appears_defines_a_job_at_the_reload(daemon: Daemon) -> None:
    write_job_file(daemon, "file_new", f'Description = "of a file"\n{JOB_FILE}', "print('file')\n")
    assert runs.refused(daemon, "GetJob", JobName="file_new")[0] == "EntityNotFoundException"
    reload(daemon)
    assert got(daemon, "file_new")["Description"] == "of a file"
    assert runs.output(daemon, runs.succeed(daemon, "file_new")["Id"]) == "file\n"


@pytest.mark.parametrize("action", ["UpdateJob", "DeleteJob"])
def test_a_job_of_a_file_can_be_run_but_not_changed(daemon: Daemon, action: str) -> None:
    path = write_job_file(daemon, "file_fixed", JOB_FILE)
    reload(daemon)
    members = {"JobName": "file_fixed", **({"JobUpdate": MINIMAL} if action == "UpdateJob" else {})}
    assert runs.refusal(daemon.call(action, members)) == (
        "InvalidInputException",
        f"Job file_fixed is defined by the file {path}; change it there and reload the orchestrator.",
    )
    runs.succeed(daemon, "file_fixed")


def test_a_file_that_changes_changes_its_job_at_the_reload(daemon: Daemon) -> None:
    path = write_job_file(daemon, "file_changed", JOB_FILE)
    reload(daemon)
    path.write_text(f"MaxRetries = 3\n{JOB_FILE}")
    reload(daemon)
    assert got(daemon, "file_changed")["MaxRetries"] == 3


def test_a_file_that_does_not_change_leaves_its_job_untouched(daemon: Daemon) -> None:
    write_job_file(daemon, "file_same", JOB_FILE)
    reload(daemon)
    before = got(daemon, "file_same")
    reload(daemon)
    assert got(daemon, "file_same") == before


@pytest.mark.parametrize("text", ["not toml", "Odd = 1\n" + JOB_FILE, JOB_FILE.replace("pythonshell", "odd")])
def test_a_file_that_breaks_leaves_its_job_as_it_was_and_is_told_in_the_log(daemon: Daemon, text: str) -> None:
    path = write_job_file(daemon, "file_broken", JOB_FILE)
    reload(daemon)
    before = got(daemon, "file_broken")
    path.write_text(text)
    reload(daemon)
    assert got(daemon, "file_broken") == before
    assert runs.refused(daemon, "DeleteJob", JobName="file_broken")[0] == "InvalidInputException"
    assert any("job_file_refused" in line and str(path) in line for line in daemon.log().splitlines())
    path.write_text(JOB_FILE)
    reload(daemon)


def test_a_job_whose_file_is_gone_stays_and_can_be_changed(daemon: Daemon) -> None:
    path = write_job_file(daemon, "file_gone", JOB_FILE)
    reload(daemon)
    path.unlink()
    reload(daemon)
    runs.succeed(daemon, "file_gone")
    assert daemon.call("DeleteJob", {"JobName": "file_gone"}) == {"JobName": "file_gone"}


def test_a_live_run_does_not_notice_the_reload(daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("reloaded", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        reload(daemon)
        assert daemon.run(job, run_id)["JobRunState"] == "RUNNING"
    assert daemon.run(job, run_id)["JobRunState"] == "SUCCEEDED"

"""What the nightly import does, on daemons that come and go with the tests."""

from typing import Any

import pytest
from nightly import start_import

from orchestrator.testing import GlueDaemon


def test_an_import_succeeds(glue: Any, glue_daemon: GlueDaemon) -> None:
    run_id = start_import(glue, "2026-11-28")

    run = glue_daemon.wait_for_run("import_day", run_id, timeout_s=30)

    assert run["JobRunState"] == "SUCCEEDED"
    assert run["Arguments"] == {"--day": "2026-11-28"}
    assert "imported: 2026-11-28" in glue_daemon.output(run_id)


def test_an_import_goes_on_where_the_last_one_ended(glue: Any, glue_daemon: GlueDaemon) -> None:
    glue_daemon.wait_for_run("import_day", start_import(glue, "2026-11-27"))

    run_id = start_import(glue, "2026-11-28")
    glue_daemon.wait_for_run("import_day", run_id)

    assert "last day: 2026-11-27" in glue_daemon.output(run_id)
    assert "2026-11-28" in glue.get_job_bookmark(JobName="import_day")["JobBookmarkEntry"]["JobBookmark"]


def test_no_test_sees_the_bookmark_of_another(glue: Any) -> None:
    with pytest.raises(glue.exceptions.EntityNotFoundException):
        glue.get_job_bookmark(JobName="import_day")


def test_bad_input_fails_the_run_with_the_reason(glue: Any, glue_daemon: GlueDaemon) -> None:
    run_id = glue.start_job_run(JobName="refuse")["JobRunId"]

    run = glue_daemon.wait_for_run("refuse", run_id)

    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == "ValueError: line 3 has no date"
    assert "Traceback" in glue_daemon.output(run_id, "stderr")


@pytest.mark.glue(settings={"runs": {"stop_grace_s": 0.5}})
def test_a_run_can_be_stopped(glue: Any, glue_daemon: GlueDaemon) -> None:
    run_id = glue.start_job_run(JobName="wait")["JobRunId"]

    glue.batch_stop_job_run(JobName="wait", JobRunIds=[run_id])

    assert glue_daemon.wait_for_run("wait", run_id)["JobRunState"] == "STOPPED"


def test_a_run_that_is_left_behind_is_ended_with_the_test(glue: Any) -> None:
    assert glue.start_job_run(JobName="wait")["JobRunId"]

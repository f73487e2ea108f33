"""The page moves by itself: runs come, go on and end, logs grow; what one does there happens."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support import runs
from tests.support.browser import go, run_address, wait_for_truth
from tests.support.daemon import Daemon
from tests.support.waiting import until

TALKER = """
import os, sys, time
def wait_for(path):
    while not os.path.exists(path):
        time.sleep(0.01)
gate = sys.argv[sys.argv.index("--gate") + 1]
print("first line", flush=True)
print("a complaint", file=sys.stderr, flush=True)
wait_for(gate + ".1")
print("\\x1b[31msecond\\x1b[0m line", flush=True)
wait_for(gate + ".2")
for number in range(3000):
    print("line number", number)
print("last line", flush=True)
wait_for(gate)
"""


def never_loaded_again(page: Any) -> None:
    """Mark the document; the mark is gone where it is loaded anew."""
    page.evaluate("document.documentElement.dataset.mark = 'first'")


def assert_never_loaded_again(page: Any) -> None:
    assert page.evaluate("document.documentElement.dataset.mark") == "first"


def test_a_run_appears_moves_and_ends_without_a_reload(page: Any, daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("appears", runs.WAIT_FOR_GATE)
    go(page, daemon)
    never_loaded_again(page)
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        row = page.locator("tr", has=page.locator(f"#run-{run_id}"))
        row.locator(".state", has_text="Running").wait_for()
        assert row.locator(".c-duration").inner_text().endswith(" s")
    row.locator(".state", has_text="Succeeded").wait_for()
    assert_never_loaded_again(page)


def test_the_page_asks_for_four_files_and_nothing_else(page: Any, daemon: Daemon) -> None:
    runs.succeed(daemon, daemon.job("shown first", ""))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url.removeprefix(daemon.endpoint_url)))
    go(page, daemon)
    page.locator("tr[data-row]").first.wait_for()
    files = [re.sub(r"^/console/[0-9a-f]{16}/", "", path) for path in asked]
    assert sorted(path for path in files if not path.startswith("/events")) == [
        "/",
        "css/page.css",
        "icon.svg",
        "js/first_view.js",
        "js/main.js",
    ]


def test_runs_that_came_with_the_page_are_not_shown_when_they_are_old(page: Any, daemon: Daemon) -> None:
    job = daemon.job("newer than the page", "")
    go(page, daemon, "#/jobs")
    run_id = runs.succeed(daemon, job)["Id"]
    page.locator("tr", has_text=job).get_by_text(
        "Succeeded"
    ).wait_for()  # the page has heard of it, before a list was there
    page.get_by_role("link", name="Runs", exact=True).click()
    page.locator(f"#run-{run_id}").wait_for()


def test_filters_hold_for_what_comes_and_stay_in_the_address(page: Any, daemon: Daemon, tmp_path: Path) -> None:
    mine, other = daemon.job("filtered", runs.WAIT_FOR_GATE), daemon.job("not filtered", "")
    go(page, daemon)
    page.get_by_label("Job", exact=True).fill(mine)
    page.get_by_role("button", name="Running").click()
    page.wait_for_url(re.compile(r"#/runs\?job=filtered&state=RUNNING$"))
    page.reload()
    page.wait_for_selector(".connection.open")
    assert page.get_by_label("Job", exact=True).input_value() == mine
    runs.succeed(daemon, other)
    with runs.gated_run(daemon, mine, tmp_path / "gate") as run_id:
        page.locator(f"#run-{run_id}").wait_for()
        assert page.locator("tbody tr[data-row]").count() == 1
    page.locator(f"#run-{run_id}").wait_for(state="detached")  # it runs no more, so it is not asked for


def test_runs_are_found_by_their_arguments_as_they_come_and_go_on(page: Any, daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("argued", runs.WAIT_FOR_GATE, ExecutionProperty={"MaxConcurrentRuns": 3})
    with runs.gated_run(daemon, job, tmp_path / "one", Arguments={"--day": "doomsday"}) as known:
        go(page, daemon, "#/runs?text=doomsday")
        page.locator(f"#run-{known}").wait_for()
        with runs.gated_run(daemon, job, tmp_path / "two", Arguments={"--day": "doomsday"}) as new:
            page.locator(f"#run-{new}").wait_for()
            with runs.gated_run(daemon, job, tmp_path / "three", Arguments={"--day": "friday"}):
                pass
    for run_id in (known, new):
        row = page.locator("tr", has=page.locator(f"#run-{run_id}"))
        row.locator(".state", has_text="Succeeded").wait_for()
    assert page.locator("tbody tr[data-row]").count() == 2


def test_the_log_follows_in_colours_and_is_searched(page: Any, daemon: Daemon, tmp_path: Path) -> None:
    job, gate = daemon.job("talks", TALKER), tmp_path / "gate"
    with runs.gated_run(daemon, job, gate) as run_id:
        go(page, daemon, run_address(run_id))
        page.locator(".log-line", has_text="first line").wait_for()
        Path(f"{gate}.1").touch()
        page.locator(".log-line .fg1", has_text="second").wait_for()
        Path(f"{gate}.2").touch()
        page.locator(".log-line", has_text="last line").wait_for()  # the end is what is seen: it follows
        assert page.locator(".log-line").count() < 200, "only lines that are seen are drawn"
        page.get_by_role("button", name="stderr").click()
        page.locator(".log-line", has_text="a complaint").wait_for()
        page.get_by_role("button", name="stdout").click()
        page.get_by_label("Search the log").fill("NUMBER 17")
        page.get_by_text("111 lines").wait_for()  # 17, 170 to 179, 1700 to 1799
        page.get_by_label("Search the log").press("Enter")
        page.locator(".log-line.shown", has_text="line number 17").wait_for()
        assert page.locator(".log-line.shown mark").inner_text() == "number 17"
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert Path(download.value.path()).read_text().startswith("first line\n")


def test_stopping_asks_first_and_then_stops(page: Any, daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("stops", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        go(page, daemon, run_address(run_id))
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("button", name="Leave it").click()
        assert daemon.run(job, run_id)["JobRunState"] == "RUNNING"
        page.get_by_role("button", name="Stop", exact=True).click()
        page.get_by_role("button", name="Stop it").click()
        page.locator(".title-row .state", has_text="Stopped").wait_for()
        assert daemon.run(job, run_id)["JobRunState"] == "STOPPED"


def test_a_run_is_run_again_with_edited_arguments(page: Any, daemon: Daemon) -> None:
    job = daemon.job("again", runs.PRINT_ARGV)
    first = runs.succeed(daemon, job, Arguments={"--day": "monday", "--size": "<b>3</b>"})
    go(page, daemon, run_address(first["Id"]))
    page.get_by_role("button", name="Run again…").click()
    page.get_by_label("Value of argument 1").fill("friday")
    page.get_by_label("Name of argument 3").fill("--extra")
    page.get_by_label("Value of argument 3").fill("a b")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"#/run/jr_(?!" + first["Id"][3:] + ")"))
    page.locator(".title-row .state", has_text="Succeeded").wait_for()
    again = daemon.ended(job, page.url.rpartition("/")[2])
    assert runs.arguments_of(runs.printed(daemon, again)) == {"--day": "friday", "--size": "<b>3</b>", "--extra": "a b"}


def test_a_hidden_argument_is_not_sent_as_it_is_shown(page: Any, daemon: Daemon) -> None:
    job = daemon.job("secret", runs.PRINT_ARGV)
    first = runs.succeed(daemon, job, Arguments={"--db_password": "s3cret", "--day": "1"})
    go(page, daemon, run_address(first["Id"]))
    page.get_by_role("button", name="Run again…").click()
    value = page.get_by_label("Value of argument 1")
    assert value.input_value() == "***"
    page.get_by_label("Value of argument 2").fill("2")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("The value of --db_password is hidden here. Type it anew, or remove it.").wait_for()
    page.get_by_label("Value of argument 2").fill("1")
    page.get_by_role("button", name="Start", exact=True).click()  # as it was: no retry instead
    page.get_by_text("The value of --db_password is hidden here.").wait_for()
    value.fill("an0ther")
    page.get_by_role("button", name="Start", exact=True).click()
    page.wait_for_url(re.compile(r"#/run/jr_(?!" + first["Id"][3:] + ")"))
    again = daemon.ended(job, page.url.rpartition("/")[2])
    assert runs.arguments_of(runs.printed(daemon, again)) == {"--db_password": "an0ther", "--day": "1"}
    page.locator(".title-row .state", has_text="Succeeded").wait_for()
    assert page.get_by_role("button", name="Retry…").count() == 0


def test_a_run_that_failed_is_retried_within_its_chain(page: Any, daemon: Daemon, tmp_path: Path) -> None:
    gate = tmp_path / "works"
    script = "import json, os, sys\nprint(json.dumps(sys.argv[1:]))\nassert os.path.exists(sys.argv[sys.argv.index('--gate') + 1])\n"
    job, after = daemon.job("retried", script), daemon.job("after retried", "")
    starts = {"JobName": job, "Arguments": {"--gate": str(gate), "--token": "s3cret"}}
    daemon.call("CreateTrigger", {"Name": "begins", "Type": "ON_DEMAND", "Actions": [starts]})
    condition = {"LogicalOperator": "EQUALS", "JobName": job, "State": "SUCCEEDED"}
    watches = {"Type": "CONDITIONAL", "StartOnCreation": True, "Predicate": {"Conditions": [condition]}}
    daemon.call("CreateTrigger", {"Name": "follows", "Actions": [{"JobName": after}], **watches})
    daemon.call("StartTrigger", {"Name": "begins"})
    first = daemon.ended(job, until(lambda: newest_run(daemon, job), what="a run"))
    go(page, daemon, run_address(first["Id"]))
    page.get_by_role("button", name="Run again…").click()
    page.get_by_text("does not go on with the chain").wait_for()
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_text("The value of --token is hidden here. Type it anew, or retry the run").wait_for()
    page.get_by_role("button", name="Cancel").click()
    gate.touch()
    page.get_by_role("button", name="Retry…").click()
    page.get_by_text("It goes on with its chain").wait_for()
    page.get_by_role("button", name="Retry it").click()
    page.wait_for_url(f"**/{first['Id']}_attempt_1")
    again = daemon.ended(job, page.url.rpartition("/")[2])
    assert runs.arguments_of(runs.printed(daemon, again)) == {"--gate": str(gate), "--token": "s3cret"}
    daemon.ended(after, until(lambda: newest_run(daemon, after), what="what follows"))


def test_a_run_of_a_workflow_is_resumed_where_it_failed(page: Any, daemon: Daemon, tmp_path: Path) -> None:
    gate = tmp_path / "works"
    good, bad = daemon.job("resumed good", ""), daemon.job("resumed bad", f"open({str(gate)!r})\n")
    daemon.call("CreateWorkflow", {"Name": "resumed"})
    members = {"Type": "ON_DEMAND", "Actions": [{"JobName": good}, {"JobName": bad}]}
    daemon.call("CreateTrigger", {"Name": "begins resumed", "WorkflowName": "resumed", **members})
    daemon.call("StartWorkflowRun", {"Name": "resumed"})
    go(page, daemon, "#/workflow?name=resumed")
    page.locator(".title-row .state", has_text="Completed").wait_for()
    gate.touch()
    page.get_by_role("button", name="Resume…").click()
    page.get_by_text("repeats resumed bad and what follows").wait_for()
    page.get_by_role("button", name="Resume it").click()
    page.locator(".chain li", has_text="resumed good").get_by_text("taken over").wait_for()
    page.locator(".chain li", has_text="resumed bad").locator("[class*=succeeded]").first.wait_for()
    page.locator(".title-row .state", has_text="Completed").wait_for()
    page.get_by_role("button", name="Resume…").wait_for(state="detached")  # there is nothing that failed
    assert len(daemon.call("GetJobRuns", {"JobName": good})["JobRuns"]) == 1


def newest_run(daemon: Daemon, job: str) -> str:
    """Return the id of the job's newest run, or an empty text."""
    found = daemon.call("GetJobRuns", {"JobName": job})["JobRuns"]
    return str(found[0]["Id"]) if found else ""


def test_a_job_is_started_from_its_page(page: Any, daemon: Daemon) -> None:
    job = daemon.job("marks", runs.PRINT_ARGV)
    go(page, daemon, "#/jobs")
    page.get_by_role("link", name=job).click()
    page.get_by_role("button", name="Start…").click()
    page.get_by_label("Name of argument 1").fill("--x")
    page.get_by_label("Value of argument 1").fill("1")
    page.get_by_role("button", name="Start", exact=True).click()
    page.locator(".title-row .state", has_text="Succeeded").wait_for()


def test_a_trigger_is_started_and_stopped(page: Any, daemon: Daemon) -> None:
    job = daemon.job("triggered", "")
    members = {"Type": "SCHEDULED", "Schedule": "cron(0 3 * * ? *)", "Actions": [{"JobName": job}]}
    assert daemon.call("CreateTrigger", {"Name": "at three", **members}) == {"Name": "at three"}
    go(page, daemon, "#/triggers")
    row = page.locator("tr", has_text="at three")
    row.get_by_role("button", name="Start").click()
    row.locator(".state", has_text="Activated").wait_for()
    row.get_by_role("button", name="Stop…").click()
    page.get_by_role("button", name="Stop it").click()
    row.locator(".state", has_text="Deactivated").wait_for()
    assert daemon.call("GetTrigger", {"Name": "at three"})["Trigger"]["State"] == "DEACTIVATED"


@pytest.mark.parametrize("view", ["#/timeline?span=15m", "#/jobs", "#/capacity?span=15m"])
def test_other_views_move_as_well(page: Any, daemon: Daemon, tmp_path: Path, view: str) -> None:
    job = daemon.job(f"moves {view[2:4]}", runs.WAIT_FOR_GATE)
    go(page, daemon, view)
    never_loaded_again(page)
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        if "timeline" in view:
            bar = page.locator(f"#bar-{run_id} .fill-running")
            bar.wait_for()
            width = float(bar.get_attribute("width") or 0)
            drawn = f"document.querySelector('#bar-{run_id} .ran').getAttribute('width')"
            wait_for_truth(page, f"Number({drawn}) > {width + 1}")
        elif "jobs" in view:
            page.locator("tr", has_text=job).locator(".state", has_text="Running").wait_for()
        else:
            page.get_by_text("1 run", exact=True).wait_for()
    if "timeline" in view:
        page.locator(f"#bar-{run_id} .fill-succeeded").wait_for()
    assert_never_loaded_again(page)


def test_a_bookmark_is_compared_rewound_and_reset(page: Any, daemon: Daemon) -> None:
    count = "import orchestrator_bookmark as b\nb.put({'n': (b.get() or {'n': 0})['n'] + 1, 'table': 'flights'})\n"
    job = daemon.job("counts", count, DefaultArguments={"--job-bookmark-option": "job-bookmark-enable"})
    first, _ = runs.succeed(daemon, job), runs.succeed(daemon, job)
    go(page, daemon, f"#/job?name={job}")
    page.locator(".diff .removed", has_text='"n": 1').wait_for()
    page.locator(".diff .added", has_text='"n": 2').wait_for()
    assert page.locator(".diff .same", has_text='"table": "flights"').count() == 1
    page.locator("tr", has_text=first["Id"][:11]).get_by_role("button", name="Rewind…").click()
    page.get_by_role("button", name="Rewind it").click()
    page.get_by_role("cell", name="rewind", exact=True).wait_for()
    assert bookmark(daemon, job) == '{"n":1,"table":"flights"}'
    page.get_by_role("button", name="Reset…").click()
    page.get_by_role("button", name="Reset it").click()
    page.get_by_role("cell", name="reset", exact=True).wait_for()
    assert bookmark(daemon, job) == "{}"


def bookmark(daemon: Daemon, job: str) -> str | None:
    """Return the job's bookmark, as compact JSON."""
    found = daemon.call("GetJobBookmark", {"JobName": job})["JobBookmarkEntry"].get("JobBookmark")
    return json.dumps(json.loads(found), separators=(",", ":")) if found else None


def test_a_timeline_that_moves_with_the_clock_goes_on_to_when_one_looks_closer(page: Any, daemon: Daemon) -> None:
    job = daemon.job("in sight", "")
    go(page, daemon, "#/timeline?span=15m")
    for _ in range(3):
        page.get_by_role("button", name="Closer").click()
    page.wait_for_url(re.compile(r"span=112s|span=113s"))
    page.get_by_text("It moves with the clock.").wait_for()
    runs.succeed(daemon, job)
    page.locator(".lane", has_text=job).wait_for()


def test_a_run_that_failed_shows_what_it_complained_of(page: Any, daemon: Daemon) -> None:
    """Where it complained of nothing, what it wrote is shown; and whoever looks on sees no other log than before."""
    loud = runs.start(daemon, daemon.job("complains", "print('said')\nraise ValueError('this is why')"))
    quiet = runs.start(daemon, daemon.job("says why", "print('said')\nraise SystemExit(3)"))
    for job, run_id in (("complains", loud), ("says why", quiet)):
        assert daemon.ended(job, run_id)["JobRunState"] == "FAILED"
    go(page, daemon, run_address(loud))
    page.locator(".log", has_text="ValueError: this is why").wait_for()
    page.get_by_role("button", name="stdout").click()
    page.locator(".log", has_text="said").wait_for()
    go(page, daemon, run_address(quiet))
    page.locator(".log", has_text="said").wait_for()


def test_a_filter_that_means_nothing_is_told(page: Any, daemon: Daemon) -> None:
    go(page, daemon, "#/runs?state=LATE,FAILED")
    told = page.get_by_role("alert")
    told.wait_for()
    assert "state=LATE" in told.inner_text()
    assert "FAILED" not in told.inner_text()

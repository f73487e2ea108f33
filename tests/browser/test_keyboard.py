"""Everything can be done by keyboard; a read-only console offers nothing to do."""

import re
from pathlib import Path
from typing import Any

from tests.support import runs
from tests.support.browser import go, run_address, wait_for_truth
from tests.support.daemon import Daemon, running_daemon


def focused(page: Any) -> str:
    found: str = page.evaluate("document.activeElement.id")
    return found


def test_runs_are_walked_through_and_opened(page: Any, daemon: Daemon) -> None:
    job = daemon.job("walked", "")
    ids = [runs.succeed(daemon, job)["Id"] for _ in range(3)]
    go(page, daemon, "#/runs?job=walked")
    page.locator(f"#run-{ids[0]}").wait_for()
    for key, expected in (("j", ids[2]), ("j", ids[1]), ("ArrowDown", ids[0]), ("k", ids[1]), ("ArrowUp", ids[2])):
        page.keyboard.press(key)
        wait_for_truth(page, f"document.activeElement.id === 'run-{expected}'")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/#/run/{ids[2]}")


def test_letters_search_lead_and_help_and_can_be_switched_off(page: Any, daemon: Daemon) -> None:
    go(page, daemon)
    page.keyboard.press("/")
    assert focused(page) == "filter-text"
    page.keyboard.type("j/?")  # one types, so these are letters
    assert page.get_by_label("Text").input_value() == "j/?"
    page.keyboard.press("Escape")
    assert focused(page) == ""
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/#/timeline")
    page.keyboard.press("?")
    page.get_by_label("Single letters do something").uncheck()
    page.keyboard.press("Escape")
    page.get_by_role("dialog").wait_for(state="detached")
    page.keyboard.press("g")
    page.keyboard.press("r")
    assert page.url.endswith("#/timeline")
    page.keyboard.press("?")
    page.get_by_role("dialog").wait_for()


def test_a_dialog_gives_the_focus_back(page: Any, daemon: Daemon, tmp_path: Path) -> None:
    job = daemon.job("focus", runs.WAIT_FOR_GATE)
    with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
        go(page, daemon, run_address(run_id))
        page.get_by_role("button", name="Stop", exact=True).focus()
        page.keyboard.press("Enter")
        page.get_by_role("dialog").wait_for()
        page.keyboard.press("Escape")
        page.get_by_role("dialog").wait_for(state="detached")
        assert page.evaluate("document.activeElement.textContent") == "Stop"


def test_the_first_tab_leads_to_the_content(page: Any, daemon: Daemon) -> None:
    go(page, daemon)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "To the content"
    page.keyboard.press("Enter")
    assert focused(page) == "main"


def test_a_read_only_console_offers_nothing_to_do(page: Any, tmp_path: Path) -> None:
    with running_daemon(tmp_path / "daemon", {"ORCHESTRATOR_CONSOLE__READ_ONLY": "true"}) as daemon:
        job = daemon.job("looked at", runs.WAIT_FOR_GATE)
        daemon.call("CreateTrigger", {"Name": "t", "Type": "ON_DEMAND", "Actions": [{"JobName": job}]})
        daemon.call("CreateWorkflow", {"Name": "w"})
        with runs.gated_run(daemon, job, tmp_path / "gate") as run_id:
            for where in (run_address(run_id), "#/job?name=looked at", "#/triggers", "#/workflow?name=w"):
                go(page, daemon, where)
                page.get_by_text("Read-only").wait_for()
                does = page.locator("main button", has_text="Stop").or_(page.locator("main button", has_text="Start"))
                does = does.or_(page.locator("main button", has_text=re.compile("again|Retry|Resume")))
                assert does.count() == 0, where
                assert page.locator("main button", has_text="Fire").count() == 0, where
            page.keyboard.press("s")
            assert page.get_by_role("dialog").count() == 0

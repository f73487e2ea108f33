"""Every view can be read: by rules (axe-core) in both themes, on a phone, and at 200 %. Each is kept as a picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support import runs
from tests.support.browser import a_page, findings, go, keep_shot, overflow_px, run_address
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

SCRIPT = """
import os, sys, time
print("\\x1b[1mReading\\x1b[0m flights from \\x1b[34ms3://lake/raw/flights/\\x1b[0m")
for part in range(40):
    kind = "\\x1b[33mWARN\\x1b[0m" if part % 11 == 7 else "\\x1b[32mINFO\\x1b[0m"
    print(f"{kind}  partition {part}: {4096 + part * 37} rows", flush=True)
if "--fail" in sys.argv:
    raise ValueError("no such column: price")
while "--gate" in sys.argv and not os.path.exists(sys.argv[sys.argv.index("--gate") + 1]):
    time.sleep(0.01)
"""


@dataclass(frozen=True)
class Scene:
    """A daemon with something on every view."""

    daemon: Daemon
    views: dict[str, str]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Lend it."""
    root = tmp_path_factory.mktemp("scene")
    settings = {"ORCHESTRATOR_CAPACITY__DPUS": "1", "ORCHESTRATOR_RUNS__STOP_GRACE_S": "0.3"}
    with running_daemon(root / "daemon", settings) as daemon:
        queues: dict[str, Any] = {
            "JobRunQueuingEnabled": True,
            "MaxCapacity": 0.0625,
            "ExecutionProperty": {"MaxConcurrentRuns": 5},
        }
        given = {"--region": "us-east-1", "--day": "2013-01-01"}
        load = daemon.job("flights daily load", SCRIPT, DefaultArguments=given, **queues)
        clean = daemon.job("flights clean", SCRIPT, **queues)
        daemon.job("delay report", SCRIPT, **queues)
        fails = daemon.job("weather hourly", SCRIPT, MaxRetries=1, **queues)
        _triggers(daemon)
        for _ in range(3):
            runs.succeed(daemon, load)
        failed = runs.finish(daemon, fails, Arguments={"--fail": "yes"})
        daemon.call("StartTrigger", {"Name": "by hand"})
        workflow_run = daemon.call("StartWorkflowRun", {"Name": "delays"})["RunId"]
        until(lambda: "CompletedOn" in daemon.call("GetWorkflowRun", {"Name": "delays", "RunId": workflow_run})["Run"])
        gate = {"--gate": str(root / "gate")}
        live = runs.start(daemon, load, Arguments=gate, MaxCapacity=1)
        runs.in_state(daemon, load, live, "RUNNING")
        waiting = runs.start(daemon, clean, Arguments=gate, MaxCapacity=1)
        views = {
            "runs": "",
            "run": run_address(live),
            "failed": run_address(failed["Id"]),
            "waiting": run_address(waiting),
            "timeline": "#/timeline?span=15m",
            "capacity": "#/capacity?span=15m",
            "jobs": "#/jobs",
            "job": "#/job?name=flights+daily+load",
            "triggers": "#/triggers",
            "workflows": "#/workflows",
            "workflow": "#/workflow?name=delays",
        }
        yield Scene(daemon, views)


VIEWS = (
    *("runs", "run", "failed", "waiting", "timeline", "capacity", "jobs", "job", "triggers", "workflows", "workflow"),
)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("view", VIEWS)
def test_nothing_serious_is_found(browser: Any, scene: Scene, tmp_path: Path, view: str, theme: str) -> None:
    with a_page(browser, theme=theme, reduced_motion="reduce") as page:
        go(page, scene.daemon, scene.views[view])
        _settle(page)
        keep_shot(page, f"{view}-{theme}", tmp_path)
        assert findings(page) == []


@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_shows_it_without_scrolling_sideways(browser: Any, scene: Scene, tmp_path: Path, view: str) -> None:
    with a_page(browser, width=360, height=740, reduced_motion="reduce") as page:
        go(page, scene.daemon, scene.views[view])
        _settle(page)
        keep_shot(page, f"{view}-phone", tmp_path)
        assert overflow_px(page) <= 0
        assert findings(page) == []


@pytest.mark.parametrize("view", VIEWS)
def test_at_two_hundred_percent_nothing_is_lost(browser: Any, scene: Scene, tmp_path: Path, view: str) -> None:
    """A page of 1280 × 800 that is shown at 200 % has 640 × 400 of its own pixels."""
    with a_page(browser, width=640, height=400, device_scale_factor=2, reduced_motion="reduce") as page:
        go(page, scene.daemon, scene.views[view])
        _settle(page)
        keep_shot(page, f"{view}-200", tmp_path)
        assert overflow_px(page) <= 0


def test_dialogs_and_help_have_nothing_serious(browser: Any, scene: Scene, tmp_path: Path) -> None:
    for theme in ("light", "dark"):
        with a_page(browser, theme=theme, reduced_motion="reduce") as page:
            go(page, scene.daemon, scene.views["run"])
            page.keyboard.press("?")
            page.get_by_role("dialog").wait_for()
            assert findings(page) == []
            page.keyboard.press("Escape")
            page.get_by_role("button", name="Run again…").click()
            page.get_by_role("dialog").wait_for()
            keep_shot(page, f"dialog-{theme}", tmp_path)
            assert findings(page) == []


def test_the_theme_that_was_chosen_stays(page: Any, scene: Scene) -> None:
    go(page, scene.daemon)
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(background)
    page.get_by_label("Theme: as the system has it").click()
    page.get_by_label("Theme: light").click()
    assert page.evaluate(background) != light
    page.reload()
    page.get_by_label("Theme: dark").wait_for()
    assert page.evaluate(background) != light


def _settle(page: Any) -> None:
    """Wait until what the view reads has come and is drawn."""
    until(lambda: page.evaluate("!/Reading…/.test(document.querySelector('main').innerText)"), what="the view")
    page.evaluate("new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(r)))")
    page.evaluate("document.fonts.ready")


def _triggers(daemon: Daemon) -> None:
    def trigger(name: str, **members: Any) -> None:
        assert daemon.call("CreateTrigger", {"Name": name, **members}) == {"Name": name}

    both = [
        {"LogicalOperator": "EQUALS", "JobName": job, "State": "SUCCEEDED"}
        for job in ("flights clean", "weather hourly")
    ]
    trigger("nightly", Type="SCHEDULED", Schedule="cron(0 3 * * ? *)", Actions=[{"JobName": "weather hourly"}])
    trigger("by hand", Type="ON_DEMAND", Actions=[{"JobName": "flights daily load"}])
    after = {"Conditions": [{"LogicalOperator": "EQUALS", "JobName": "flights daily load", "State": "SUCCEEDED"}]}
    trigger("after load", Type="CONDITIONAL", Predicate=after, Actions=[{"JobName": "flights clean"}])
    daemon.call("CreateWorkflow", {"Name": "delays", "Description": "Everything that the delay report needs"})
    start = [{"JobName": "flights clean"}, {"JobName": "weather hourly"}]
    trigger("delays begin", Type="ON_DEMAND", WorkflowName="delays", Actions=start)
    report = {"Type": "CONDITIONAL", "WorkflowName": "delays", "Actions": [{"JobName": "delay report"}]}
    trigger("delays report", Predicate={"Logical": "AND", "Conditions": both}, StartOnCreation=True, **report)

"""The three pictures of the README: runs, a live run with what it uses, the timeline (`make pictures` keeps them)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.support import runs
from tests.support.browser import go, keep_shot, run_address, wait_for_truth
from tests.support.daemon import Daemon, running_daemon
from tests.support.waiting import until

STEP = """
import sys, time
print("\\x1b[1mReading\\x1b[0m", *sys.argv[1:3])
until_s = time.monotonic() + 1.2  # long enough to be seen on a timeline
while time.monotonic() < until_s:
    sum(range(10_000))
if "--fail" in sys.argv:
    raise ValueError("no such column: price")
"""
LOAD = """
import time
print("\\x1b[1mReading\\x1b[0m flights from \\x1b[34ms3://lake/raw/flights/\\x1b[0m", flush=True)
kept = []
part = 0
while True:
    part += 1
    kept.append(bytearray(3_000_000 if part % 9 < 6 else 100_000))
    if part % 9 == 0:
        del kept[: len(kept) // 2]
    kind = "\\x1b[33mWARN\\x1b[0m" if part % 11 == 7 else "\\x1b[32mINFO\\x1b[0m"
    print(f"{kind}  partition {part}: {4096 + part * 37} rows", flush=True)
    busy_until_s = time.monotonic() + 0.05 * (part % 7)
    while time.monotonic() < busy_until_s:
        sum(range(10_000))
    time.sleep(0.3)
"""
SAMPLES = 12


@dataclass(frozen=True)
class Scene:
    """A daemon on which a pipeline has run, and a run that goes on."""

    daemon: Daemon
    live: str


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Lend it, with its live run looked at for a while."""
    root = tmp_path_factory.mktemp("pictures")
    with running_daemon(root / "daemon", {"ORCHESTRATOR_CAPACITY__DPUS": "2"}) as daemon:
        several: dict[str, Any] = {"MaxCapacity": 0.0625, "ExecutionProperty": {"MaxConcurrentRuns": 5}}
        given = {"--region": "us-east-1", "--day": "2013-01-01"}
        ingest = daemon.job("ingest_flights", STEP, DefaultArguments=given, **several)
        clean = daemon.job("clean_flights", STEP, **several)
        report = daemon.job("delay_report", STEP, **several)
        weather = daemon.job("weather_hourly", STEP, **several)
        _chain(daemon, ingest, clean)
        _chain(daemon, clean, report)
        daemon.call("CreateTrigger", {"Name": "by-hand", "Type": "ON_DEMAND", "Actions": [{"JobName": ingest}]})
        for round_ in range(3):
            daemon.call("StartTrigger", {"Name": "by-hand"})
            until(partial(_has_succeeded, daemon, report, round_ + 1), within_s=60)
        runs.finish(daemon, weather, Arguments={"--fail": "yes"})
        runs.succeed(daemon, weather)
        load = daemon.job("load_flights", LOAD, DefaultArguments=given, **several)
        live = runs.start(daemon, load, Arguments={"--airport": "JFK", "--password": "hunter2"})
        until(lambda: len(_told(daemon, f"/runs/{live}")["samples"]) >= SAMPLES, within_s=60)
        yield Scene(daemon, live)
        daemon.call("BatchStopJobRun", {"JobName": load, "JobRunIds": [live]})
        daemon.ended(load, live)


def _chain(daemon: Daemon, before: str, behind: str) -> None:
    conditions = [{"JobName": before, "LogicalOperator": "EQUALS", "State": "SUCCEEDED"}]
    daemon.call(
        "CreateTrigger",
        {
            "Name": f"{before}-then-{behind}",
            "Type": "CONDITIONAL",
            "StartOnCreation": True,
            "Predicate": {"Conditions": conditions},
            "Actions": [{"JobName": behind}],
        },
    )


def _told(daemon: Daemon, path: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(daemon.get(path)[1])
    return answer


def _has_succeeded(daemon: Daemon, job: str, times: int) -> bool:
    return len(_told(daemon, f"/runs?job={job}&state=SUCCEEDED")["runs"]) == times


def test_runs_as_a_picture(page: Any, scene: Scene, tmp_path: Path) -> None:
    go(page, scene.daemon)
    page.locator("tr[data-row]").nth(10).wait_for()
    keep_shot(page, "console-runs", tmp_path)


def test_a_live_run_as_a_picture(page: Any, scene: Scene, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 1100})
    go(page, scene.daemon, run_address(scene.live))
    page.locator(".log-line").nth(20).wait_for()
    # Something is drawn: a canvas that nobody has drawn on is clear all over.
    wait_for_truth(
        page,
        "[...document.querySelectorAll('.plot canvas')].some((one) =>"
        " one.getContext('2d').getImageData(0, 0, one.width, one.height).data.some((value) => value !== 0))",
    )
    assert page.get_by_text("hunter2").count() == 0
    assert "–" not in page.locator(".facts div", has_text="Peak memory").inner_text()  # as far as it was seen
    keep_shot(page, "console-run", tmp_path)


def test_the_timeline_as_a_picture(page: Any, scene: Scene, tmp_path: Path) -> None:
    page.set_viewport_size({"width": 1280, "height": 560})
    go(page, scene.daemon, "#/timeline?span=15m")
    page.get_by_text("load_flights").first.wait_for()
    for _ in range(3):
        page.keyboard.press("+")
    page.locator(".links path").first.wait_for(state="attached")
    keep_shot(page, "console-timeline", tmp_path)

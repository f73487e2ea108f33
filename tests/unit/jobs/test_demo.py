"""The demo's checks fail when a flight is missing, is there twice or lies in the wrong month, and only then."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import orchestrator.script

ROOM = Path(orchestrator.script.__file__).parent
JOBS = Path(__file__).parents[3] / "jobs"


@pytest.fixture(scope="module")
def demo() -> Any:
    """The demo as a module, with the source's flights counted once for all tests."""
    spec = importlib.util.spec_from_file_location("demo", JOBS / "demo.py")
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    counted = module.flights_of_source()
    module.flights_of_source = lambda: counted
    return module


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with all flights."""
    target = tmp_path_factory.mktemp("year") / "flights"
    arguments = ["--JOB_NAME", "ingest_flights", "--target", str(target), "--months_per_run", "12"]
    subprocess.run(
        [sys.executable, str(JOBS / "ingest_flights" / "script.py"), *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOM)},
        capture_output=True,
        timeout=60,
        check=True,
    )
    return target


@pytest.fixture
def flights(demo: Any, year: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The year of one test, which may spoil it; the demo looks there."""
    copy = tmp_path / "flights"
    shutil.copytree(year, copy)
    monkeypatch.setattr(demo, "FLIGHTS", copy)
    return copy / "year=2013"


def test_a_whole_year_passes(demo: Any, flights: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(list(flights.iterdir())) == 12
    demo.check_flights()

    assert "all 336,776 flights of 12 months" in capsys.readouterr().out


def test_a_missing_month_is_found(demo: Any, flights: Path) -> None:
    (flights / "month=05" / "flights.parquet").unlink()

    with pytest.raises(demo.DemoError, match=r"307,980 flights were taken in, not 336,776"):
        demo.check_flights()


def test_a_month_that_is_there_twice_is_found(demo: Any, flights: Path) -> None:
    shutil.copy(flights / "month=05" / "flights.parquet", flights / "month=05" / "again.parquet")

    with pytest.raises(demo.DemoError, match=r"365,572 flights were taken in"):
        demo.check_flights()


def test_months_that_changed_places_are_found(demo: Any, flights: Path) -> None:
    (flights / "month=05").rename(flights / "aside")
    (flights / "month=07").rename(flights / "month=05")
    (flights / "aside").rename(flights / "month=07")

    with pytest.raises(demo.DemoError, match=r"missing or there twice in the months 5, 7"):
        demo.check_flights()


def test_the_bookmark_must_have_moved_twice_to_the_end_of_the_year(demo: Any) -> None:
    text = '{"flights": {"last_month": "2013-12", "rows": 336776}}'
    demo.check_bookmark({"Version": 2, "JobBookmark": text})

    for entry in ({"Version": 1, "JobBookmark": text}, {"Version": 2, "JobBookmark": "{}"}):
        with pytest.raises(demo.DemoError, match="the bookmark is"):
            demo.check_bookmark(entry)


def test_the_users_own_settings_do_not_reach_the_demo(demo: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORCHESTRATOR_PORT", "1")

    assert "ORCHESTRATOR_PORT" not in demo.environment()
    assert "PATH" in demo.environment()


def test_the_way_to_go_on_names_the_endpoint(demo: Any) -> None:
    assert 'endpoint_url="http://127.0.0.1:4583"' in demo.how_to_go_on()


def test_the_state_of_a_daemon_that_still_runs_is_left_alone(
    demo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "PLACE", tmp_path)
    monkeypatch.setattr(demo, "STATE", tmp_path / "state")
    monkeypatch.setattr(demo, "TRIGGERS", tmp_path / "triggers.toml")
    lock = tmp_path / "state" / "daemon.lock"
    lock.parent.mkdir()

    with lock.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(demo.DemoError, match="still runs on the last demo's state"):
            demo.clear_place()
        assert lock.exists()

    demo.clear_place()
    assert [path.name for path in tmp_path.iterdir()] == ["triggers.toml"]


def test_a_process_of_the_demo_is_found_and_no_other(
    demo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "STATE", tmp_path)
    assert demo.processes_of_demo() == []

    waiting = "import sys; print(flush=True); sys.stdin.read()"
    for command, environment in (
        ([sys.executable, "-c", waiting, str(tmp_path / "state.db")], {}),
        ([sys.executable, "-c", waiting], {"ORCH_BOOKMARK_FILE": str(tmp_path / "bookmark")}),
    ):
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            assert demo.processes_of_demo() == [str(process.pid)]
    assert demo.processes_of_demo() == []


def pipeline_runs() -> dict[str, dict[str, Any]]:
    """The newest run of each job as GetJobRuns shows it after a good demo."""
    ingest = {"Id": "jr_1", "TriggerName": "take-in-flights", "PredecessorRuns": []}
    daily = {"Id": "jr_2", "TriggerName": "build-daily-delays", "PredecessorRuns": [{"RunId": "jr_1"}]}
    both = [{"RunId": "jr_1"}, {"RunId": "jr_2"}]
    report = {"Id": "jr_3", "TriggerName": "write-report", "PredecessorRuns": both}
    return {"ingest_flights": ingest, "daily_delays": daily, "delay_report": report}


def test_a_pipeline_with_its_triggers_and_predecessors_passes(demo: Any, capsys: pytest.CaptureFixture[str]) -> None:
    demo.check_pipeline(pipeline_runs())

    assert "each run was started by its trigger" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [{"TriggerName": None}, {"TriggerName": "take-in-flights"}, {"PredecessorRuns": [{"RunId": "jr_2"}]}],
)
def test_a_run_of_another_trigger_or_after_other_runs_is_found(demo: Any, change: dict[str, Any]) -> None:
    runs = pipeline_runs()
    runs["delay_report"] |= change

    with pytest.raises(demo.DemoError, match="the run of delay_report was started by"):
        demo.check_pipeline(runs)


def test_the_demo_s_triggers_are_those_of_the_example_with_its_own_directories(
    demo: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "TRIGGERS", tmp_path / "triggers.toml")
    demo.write_triggers()

    written = tomllib.loads((tmp_path / "triggers.toml").read_text())
    example = tomllib.loads((JOBS.parent / "config" / "triggers.toml").read_text())
    actions = [action for trigger in written.values() for action in trigger["Actions"]]
    assert all(action.pop("Arguments") for action in actions)
    assert written == example

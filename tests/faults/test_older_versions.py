"""A state directory of an older version is opened by this one: all is told as before, and what was under way goes on.

The directories are in tests/golden. The shim that holds the live run is that version's own.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest

from orchestrator.store import migration
from tests.golden.make import HERE, SCRIPT
from tests.support import processes, runs
from tests.support.crashing import a_daemon, check_truthful, run_directory
from tests.support.daemon import ROOT, Daemon
from tests.support.waiting import until

VERSIONS: Final = sorted(path.name for path in HERE.iterdir() if (path / "state.sql").exists())
_NOTICES_FD: Final = 3
_EXECUTE: Final = 'exec 3>/dev/null; exec "$@"'


@dataclass(frozen=True, slots=True)
class Golden:
    """A golden directory in a place of its own, its live run alive; the daemon is not started."""

    daemon: Daemon
    runs: dict[str, str]
    told: dict[str, Any]
    shim: subprocess.Popen[bytes]


@pytest.fixture(params=VERSIONS)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Golden]:
    """Lend each version's state directory."""
    source = HERE / request.param
    daemon = a_daemon(tmp_path / "daemon", capacity__dpus=10, retention__days=0)
    state = daemon.state_dir
    shutil.copytree(source / "runs", state / "runs")
    python = sys.executable
    places = {"@ROOT@": str(daemon.root), "@CODE@": str(ROOT), "@PYTHON@": python, "@BIN@": str(Path(python).parent)}
    for path in [*state.rglob("spec.json"), *state.rglob("state.sql")]:
        path.write_text(placed(path, places))
    with closing(sqlite3.connect(state / "state.db")) as store:
        store.executescript(placed(source / "state.sql", places))
    for job in ("etl", "other"):
        (daemon.root / f"{job}.py").write_text(SCRIPT)
    made = json.loads(placed(source / "made.json", places))
    directory = run_directory(daemon, made["runs"]["live"])
    shim = subprocess.Popen(
        ["/bin/sh", "-c", _EXECUTE, "sh", sys.executable, "-I", "-S", str(source / "shim.txt"), str(directory)],
        env={"PATH": os.environ["PATH"]},
    )
    try:
        until(lambda: (directory / "stdout.log").exists() and (directory / "stdout.log").read_text(), what="the script")
        yield Golden(daemon, made["runs"], made["told"], shim)
    finally:
        print(daemon.log() if daemon.log_path.exists() else "")  # noqa: T201 - pytest shows it where a test fails
        if daemon.process is not None:
            daemon.kill()
        daemon.end_runs()
        shim.wait(timeout=10)


def placed(path: Path, places: dict[str, str]) -> str:
    """Return the text of a golden file with today's places in it."""
    text = path.read_text()
    for name, place in places.items():
        text = text.replace(name, place)
    return text


def test_each_schema_but_the_newest_has_a_golden_directory() -> None:
    *older, _ = [number for number, _ in migration.migrations()]
    assert {str(number) for number in older} <= set(VERSIONS)


def test_what_an_older_version_left_is_told_as_before_and_goes_on(golden: Golden) -> None:
    daemon, made = golden.daemon, golden.runs
    daemon.start()
    check_told_as_before(daemon, golden.told)

    unseen = daemon.ended("etl", made["ended_unseen"])
    assert (unseen["JobRunState"], runs.details(daemon, unseen["Id"])["run"]["exit_code"]) == ("FAILED", 5)
    assert daemon.run("etl", made["live"])["JobRunState"] == "RUNNING"
    assert "job_run_adopted" in daemon.log()
    assert daemon.run("etl", made["queued"])["JobRunState"] == "STARTING"
    assert processes.is_alive(golden.shim.pid)

    (daemon.root / "gate").touch()
    before = daemon.call("GetJobBookmark", {"JobName": "etl"})["JobBookmarkEntry"]
    for name in ("live", "queued", "waiting"):
        assert daemon.ended("etl", made[name])["JobRunState"] == "SUCCEEDED"
        check_truthful(daemon, made[name])
    assert golden.shim.wait(timeout=10) == 0
    check_retried(daemon, golden.told)
    entry = daemon.call("GetJobBookmark", {"JobName": "etl"})["JobBookmarkEntry"]
    assert (entry["Version"], entry["JobBookmark"]) == (before["Version"] + 1, made["live"])
    again = daemon.call("StartJobRun", {"JobName": "etl"}, {"amz-sdk-invocation-id": "golden"})
    if golden.told["GetTriggers"]:
        assert again == {"JobRunId": made["succeeded"]}, "a call that was answered by the older version is known"
    else:  # the first version knew a request by another digest: it is refused, which is safe
        assert again["Message"] == "The header amz-sdk-invocation-id was used before with another request."


def check_retried(daemon: Daemon, told: dict[str, Any]) -> None:
    """Hold that the retries which were to come are made; the first version had none."""
    failed = {run["Id"] for run in told["GetJobRun"] if run["JobName"] == "other"}

    def retried() -> set[str]:
        found = daemon.call("GetJobRuns", {"JobName": "other"})["JobRuns"]
        return {run["PreviousRunId"] for run in found if "PreviousRunId" in run and "CompletedOn" in run}

    assert failed
    if told["GetTriggers"]:
        until(lambda: retried() == failed, what="the retries")


def check_told_as_before(daemon: Daemon, told: dict[str, Any]) -> None:
    """Hold that this version tells what the other one told, and perhaps more."""
    for job in told["GetJob"]:
        assert_within(job, daemon.call("GetJob", {"JobName": job["Name"]})["Job"])
    for run in told["GetJobRun"]:
        assert_within(run, daemon.run(run["JobName"], run["Id"]))
        steps = runs.details(daemon, run["Id"])["history"]
        kept = [{key: value for key, value in step.items() if key != "seq"} for step in told["history"][run["Id"]]]
        assert [{key: step[key] for key in old} for old, step in zip(kept, steps, strict=True)] == kept
    first = next(run for run in told["GetJobRun"] if run["JobRunState"] == "SUCCEEDED")
    of_run = {"JobName": "etl", "RunId": told["GetJobBookmark"]["RunId"]}
    assert_within(told["GetJobBookmark"], daemon.call("GetJobBookmark", of_run)["JobBookmarkEntry"])
    assert runs.output(daemon, first["Id"]) in ("begun\n", "")
    now = {one["Name"]: one for one in daemon.call("GetTriggers", {})["Triggers"]}
    assert set(now) == {one["Name"] for one in told["GetTriggers"]}
    for one in told["GetTriggers"]:
        assert_within(one, now[one["Name"]])
    for one in told["GetWorkflowRuns"]:
        of_flow = {"Name": one["Name"], "RunId": one["WorkflowRunId"]}
        assert_within(one, daemon.call("GetWorkflowRun", of_flow)["Run"])


def assert_within(old: Any, new: Any) -> None:
    """Hold that each member of `old` is in `new`, and is the same."""
    if isinstance(old, dict):
        for key, value in old.items():
            assert key in new, (key, new)
            assert_within(value, new[key])
    else:
        assert old == new

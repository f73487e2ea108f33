"""An examination tells what a machine lacks and what is left of runs, and signals nobody."""

import fcntl
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.executors.local import checkup
from orchestrator.executors.local.checkup import (
    check_cgroup,
    check_kernel,
    check_open_files,
    check_processes,
    check_runs,
    check_time,
)
from orchestrator.executors.local.run_directory import RunDirectory
from orchestrator.model.findings import Verdict
from orchestrator.model.ids import JobRunId
from tests.support.records import run_id


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    path = tmp_path / "runs"
    path.mkdir()
    return path


@contextmanager
def claimed(runs: Path, number: int, pid: int) -> Iterator[Path]:
    """Hold the claim of a run in the name of the process `pid`."""
    directory = RunDirectory(runs, run_id(number))
    directory.create()
    with (directory.path / "claim").open("w") as claim:
        json.dump({"v": 1, "by": "shim", "pid": pid}, claim)
        claim.flush()
        fcntl.flock(claim, fcntl.LOCK_EX)
        yield directory.path


@contextmanager
def marked(runs: Path, number: int) -> Iterator[int]:
    """Run a process that carries the mark of a run; lend its pid."""
    marks = {
        "ORCH_JOB_RUN_ID": str(run_id(number)),
        "ORCH_BOOKMARK_FILE": str(RunDirectory(runs, run_id(number)).path / "bookmark" / "new"),
    }
    code = "print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], env=marks, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        assert process.poll() is None  # nobody has signalled it


def test_this_kernel_has_what_runs_need() -> None:
    assert [one.verdict for one in check_kernel()] == [Verdict.OK]


def test_a_kernel_that_lacks_something_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "_FEATURES", {"pidfds": lambda: True, "subreapers": lambda: False})
    (found,) = check_kernel()
    assert (found.verdict, found.told.endswith("lacks subreapers")) == (Verdict.FAIL, True)


@pytest.mark.parametrize(("state", "verdict"), [(0, Verdict.OK), (5, Verdict.WARN)])
def test_a_clock_that_nobody_synchronises_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, state: int, verdict: Verdict
) -> None:
    monkeypatch.setattr(checkup, "_LIBC", SimpleNamespace(adjtimex=lambda _: state))
    assert check_time().verdict is verdict


def test_the_kernel_is_really_asked_for_the_clock() -> None:
    assert check_time().verdict in {Verdict.OK, Verdict.WARN}


def test_a_machine_without_cgroups_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "_cgroup2", lambda: None)
    assert check_cgroup(os.getpid()).verdict is Verdict.WARN


def test_the_cgroup_of_a_process_is_told() -> None:
    if checkup._cgroup2() is None:
        pytest.skip("no cgroup2 file system is mounted")
    assert "of the daemon" in check_cgroup(os.getpid()).told
    assert "of this process" in check_cgroup(None).told


def test_few_open_files_are_a_warning() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (100, 100))
        found = check_open_files(process.pid)
    assert (found.verdict, found.remedy) == (Verdict.WARN, "LimitNOFILE=65536 in its unit")


def test_processes_of_a_run_whose_shim_is_gone_are_named(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "_SOON_S", 0.1)
    with marked(runs, 1) as pid:
        found = check_processes(runs)
        assert (found.verdict, found.remedy) == (Verdict.FAIL, f"kill {pid}")
        assert f"{pid} is of {run_id(1)}" in found.told
        with claimed(runs, 1, pid):
            assert check_processes(runs).verdict is Verdict.OK
        assert check_processes(runs.parent / "others").verdict is Verdict.OK


def looked_at(runs: Path, ended: dict[JobRunId, bool], within_s: float = 10) -> list[tuple[str, Verdict, Any]]:
    return [(one.check, one.verdict, one.remedy) for one in check_runs(runs, ended.get, within_s=within_s)]


def test_directories_without_a_row_are_told_apart_from_live_runs_without_one(runs: Path) -> None:
    for number in (1, 2):
        RunDirectory(runs, run_id(number)).create()
    with claimed(runs, 3, 4711):
        assert looked_at(runs, {run_id(1): True}) == [
            ("shims", Verdict.FAIL, "wait for their ends, or stop them: kill 4711"),
            ("run directories", Verdict.WARN, "orchestrator gc removes them"),
            ("run directories", Verdict.OK, None),
        ]


def test_a_shim_that_outlives_its_run_is_named(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkup, "_SOON_S", 0.1)
    with claimed(runs, 1, 4711), claimed(runs, 2, 4712):
        found = looked_at(runs, {run_id(1): True, run_id(2): False})
    assert found == [("shims", Verdict.FAIL, "kill 4711"), ("run directories", Verdict.OK, None)]


def test_a_shim_that_ends_just_now_is_not(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ExitStack() as held:
        held.enter_context(claimed(runs, 1, 4711))
        monkeypatch.setattr(time, "sleep", lambda _: held.close())
        assert looked_at(runs, {run_id(1): True}) == [("run directories", Verdict.OK, None)]


def test_a_look_at_many_directories_ends_in_time(runs: Path) -> None:
    RunDirectory(runs, run_id(1)).create()
    assert looked_at(runs, {}, within_s=-1)[0] == ("run directories", Verdict.WARN, "--patience looks for longer")

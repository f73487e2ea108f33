"""A shim that is killed as it enters any of its system calls: the script starts once at most, the run ends, none is left.

The shim stops itself where it begins with a run, is then traced, and goes on: the tracer (strace) kills it at the n-th
call of that name. So it is for shims that are executed, forked, and forked from a template.
"""

import os
import re
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.support.crashing import Lives, check_nothing_left, check_ran_once, check_truthful, is_ended, kill
from tests.support.daemon import ROOT
from tests.support.strace import BEGINS, Tracers, stopped, tracing
from tests.support.waiting import until

_AT_ONCE: Final = 12
_FEWEST: Final = 40
"""More system calls than these are made by every shim, or the tracer saw too little."""
_CALL: Final = re.compile(r"^(\w+)\(", re.MULTILINE)
_NO_SERVER: Final = """\
import sys
if "serve" in sys.orig_argv:
    import orchestrator.executors.local.spawning as spawning
    spawning.Spawner.spawn = lambda *_: False
"""
_SAMPLE: Final = 6
"""One of so many is tested where there is little time."""


@pytest.fixture
def tracers(tmp_path: Path) -> Iterator[Tracers]:
    """Lend tracers."""
    with tracing(tmp_path) as tracers:
        yield tracers


def _lives(root: Path, kind: str) -> Lives:
    """Return a daemon whose shims stop at their beginning, and are made in one way only."""
    environment = {}
    if kind == "executed":
        (root / "sitecustomize.py").write_text(_NO_SERVER)
        environment["PYTHONPATH"] = f"{root}{os.pathsep}{ROOT}"
    lives = Lives(
        root,
        [BEGINS],
        environment=environment,
        runtimes='{"warm": {}}' if kind == "warm" else "{}",
        capacity__dpus=10 * _AT_ONCE,
    )
    del lives.daemon.environment["ORCHESTRATOR_CRASH_LOG"]  # the shims would write it between their own calls
    return lives


def _wait_for_ends(lives: Lives, run_ids: list[str]) -> None:
    """Wait for the ends; whatever shim is tried after a killed one goes on as it is."""

    def have_ended() -> bool:
        left = [run_id for run_id in run_ids if not is_ended(lives.daemon, run_id)]
        for run_id in left:
            pid = stopped(run_id)
            if pid is not None:
                kill(pid, signal.SIGCONT)
        return not left

    until(have_ended, within_s=60, what="the ends of all runs")


def _job(lives: Lives, kind: str) -> str:
    if kind == "warm":
        until(lambda: "template_ready" in lives.daemon.log(), what="a template that is ready")
    return lives.client.job(
        "job",
        lives.markers.script(moves_bookmark=True),
        DefaultArguments={"--orchestrator-runtime": "warm"} if kind == "warm" else {},
        ExecutionProperty={"MaxConcurrentRuns": 100},
    )


def _calls(lives: Lives, tracers: Tracers, job: str) -> list[tuple[str, int]]:
    """Return each system call that a shim makes in one run: its name, and which of that name it is."""
    run_id = lives.client.start(job)
    tracers.trace_shim(run_id)
    _wait_for_ends(lives, [run_id])
    assert check_truthful(lives.daemon, run_id)["state"] == "SUCCEEDED"
    tracers.end()
    counts = Counter(_CALL.findall(tracers.log(run_id).read_text()))
    found = [(name, number + 1) for name, count in counts.items() for number in range(count)]
    assert len(found) > _FEWEST, counts
    return found


def _outcome(lives: Lives, run_id: str) -> str:
    run: dict[str, Any] = check_truthful(lives.daemon, run_id)
    check_ran_once(lives.markers, run)
    assert run["state"] == "SUCCEEDED" or run["error_message"] == "How the script ended is unknown: its shim died", run
    return str(run["state"])


def _kill_at_each(root: Path, tracers: Tracers, kind: str, *, step: int) -> None:
    with _lives(root, kind) as lives:
        job = _job(lives, kind)
        calls = _calls(lives, tracers, job)[::step]
        outcomes = Counter[str]()
        for first in range(0, len(calls), _AT_ONCE):
            cases = calls[first : first + _AT_ONCE]
            run_ids = [lives.client.start(job) for _ in cases]
            for run_id, (name, number) in zip(run_ids, cases, strict=True):
                tracers.trace_shim(run_id, "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}")
            _wait_for_ends(lives, run_ids)
            tracers.end()
            for run_id, case in zip(run_ids, cases, strict=True):
                print(case, run_id)  # noqa: T201 - pytest shows it where the test fails
                outcomes[_outcome(lives, run_id)] += 1
        check_nothing_left(lives.daemon, lives.markers)
        assert min(outcomes["SUCCEEDED"], outcomes["FAILED"]) > len(calls) // 10, outcomes


def test_a_shim_that_is_killed_at_some_of_its_system_calls_starts_no_script_twice(
    tmp_path: Path, tracers: Tracers
) -> None:
    _kill_at_each(tmp_path, tracers, "forked", step=_SAMPLE)


@pytest.mark.crash_full
@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["executed", "forked", "warm"])
def test_a_shim_that_is_killed_at_any_of_its_system_calls_starts_no_script_twice(
    kind: str, tmp_path: Path, tracers: Tracers
) -> None:
    _kill_at_each(tmp_path, tracers, kind, step=1)

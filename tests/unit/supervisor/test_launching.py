"""A run is launched as it is stored, with its job's Timeout, unless somebody debugs it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.supervisor.launching import launch_spec
from tests.support.chain_scene import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(tmp_path / "state.db")
    yield scene
    scene.store.close()


def test_a_run_with_a_debugger_never_times_out_and_any_other_does(scene: Scene) -> None:
    scene.job("a", timeout_min=2, max_concurrent_runs=2)
    plain, debugged = scene.start("a"), scene.start("a", arguments={"--orchestrator-debug": "0"})
    assert launch_spec(scene.store, plain).timeout_s == 120
    assert launch_spec(scene.store, debugged).timeout_s is None


def test_a_run_with_a_debugger_that_fails_is_not_retried_by_itself(scene: Scene) -> None:
    scene.job("a", max_retries=3, max_concurrent_runs=2)
    plain, debugged = scene.start("a"), scene.start("a", arguments={"--orchestrator-debug": "0"})
    for run in (plain, debugged):
        scene.end(run, "FAILED")
    assert scene.now(plain).retry_due_ms is not None
    assert scene.now(debugged).retry_due_ms is None

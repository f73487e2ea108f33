"""Where the kernel can, what a run takes of the machine is limited for all of its processes together, and nothing leaks.

On a machine of its own (tests/support/machine.py), where cgroups have all controllers.
"""

from typing import Any

import pytest

from tests.support.machine import run_inside

pytestmark = [pytest.mark.machine, pytest.mark.timeout(420)]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return run_inside("tests.machine.inside_cgroups", tmp_path_factory.mktemp("uml"), within_s=400)


def test_limits_go_by_dpu(found: dict[str, Any]) -> None:
    expected = {"memory.max": str(32 * 1024 * 1024), "memory.oom.group": "1", "cpu.weight": "10", "pids.max": "20"}
    assert found["limits_of_one_dpu"] == expected


@pytest.mark.parametrize("name", ["hog", "child_hog"])
def test_a_run_beyond_its_memory_ends_and_says_why(found: dict[str, Any], name: str) -> None:
    """Whichever of its processes took the memory: all of them end."""
    run = found[name]
    assert run["JobRunState"] == "FAILED"
    assert run["ErrorMessage"] == (
        "Out of memory: the run's limit of 320 MiB was reached, and the kernel killed processes of the run. "
        "Command failed with exit code 137 (SIGKILL)"
    )


def test_a_run_that_forks_without_end_meets_its_limit(found: dict[str, Any]) -> None:
    assert found["forks"]["JobRunState"] == "FAILED"
    assert found["forks"]["ErrorMessage"] == "BlockingIOError: [Errno 11] Resource temporarily unavailable"


def test_the_run_beside_them_lives(found: dict[str, Any]) -> None:
    assert found["bystander"] == "RUNNING"


def test_limits_come_back_after_a_restart_of_the_service(found: dict[str, Any]) -> None:
    assert found["taken_away"] == "max"
    assert found["renewed"] == found["limits_of_one_dpu"]


def test_a_killed_shim_leaves_nothing_not_even_what_cleared_its_environment(found: dict[str, Any]) -> None:
    assert "its shim died" in found["flees"]["ErrorMessage"]
    assert found["fled"] is None


def test_no_cgroup_is_left(found: dict[str, Any]) -> None:
    assert found["left"] == []
    assert found["left_at_start"] == []

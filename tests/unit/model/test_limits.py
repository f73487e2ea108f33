"""Limits follow from DPU, for cgroups and, where there are none, for processes."""

import pytest

from orchestrator.model.limits import CONTROLLERS, LimitRules, of_run

MIB = 1024 * 1024
RULES = LimitRules(memory_bytes_per_dpu=100 * MIB, processes=50)


def test_all_controllers_hold_all_limits() -> None:
    limits = of_run(2, RULES, CONTROLLERS)
    assert limits.files == {
        "cpu.weight": "20",
        "pids.max": "50",
        "memory.max": str(200 * MIB),
        "memory.swap.max": "0",
        "memory.oom.group": "1",
    }
    assert (limits.nice, limits.data_bytes) == (0, None)


def test_without_controllers_processes_hold_them() -> None:
    limits = of_run(2, RULES, ())
    assert (limits.files, limits.nice, limits.data_bytes) == ({}, 7, 200 * MIB)


def test_nothing_said_is_no_limit() -> None:
    limits = of_run(10, LimitRules(), CONTROLLERS)
    assert limits.files == {"cpu.weight": "100"}
    assert of_run(10, LimitRules(), ()) == of_run(100, LimitRules(), ())
    assert of_run(10, LimitRules(), ()).data_bytes is None


@pytest.mark.parametrize(
    ("dpu", "weight", "nice"), [(0.0625, "1", 19), (1, "10", 10), (10, "100", 0), (100, "1000", 0)]
)
def test_processor_time_goes_by_dpu_and_niceness_never_needs_root(dpu: float, weight: str, nice: int) -> None:
    assert of_run(dpu, RULES, ["cpu"]).files["cpu.weight"] == weight
    assert of_run(dpu, RULES, []).nice == nice


def test_memory_is_in_whole_pages_as_the_kernel_has_it() -> None:
    assert of_run(0.0625, LimitRules(memory_bytes_per_dpu=100_000), CONTROLLERS).files["memory.max"] == "8192"

"""A run's DPU follow from one of Glue's three forms of asking; what contradicts itself is refused with its sentence."""

from typing import Any

import pytest

from orchestrator.model import capacity
from orchestrator.model.errors import InvalidInputError, ResourceNumberLimitExceededError
from orchestrator.model.records import Capacity, CapacityRequest

NOTHING = CapacityRequest()


def asked(**members: Any) -> CapacityRequest:
    return CapacityRequest(**members)


@pytest.mark.parametrize("command", ["glueetl", "pythonshell", "gluestreaming", "glueray"])
def test_who_asks_for_nothing_gets_ten(command: str) -> None:
    assert capacity.settle(NOTHING, NOTHING, command, 100) == Capacity(dpu=10.0)
    assert capacity.shown(NOTHING, command) == Capacity(dpu=10.0)


@pytest.mark.parametrize(
    ("command", "request_", "dpu"),
    [
        ("glueetl", asked(allocated_capacity=2), 2),
        ("glueetl", asked(allocated_capacity=100), 100),
        ("pythonshell", asked(allocated_capacity=3), 3),
        ("pythonshell", asked(max_capacity=0.0625), 0.0625),
        ("pythonshell", asked(max_capacity=1.0), 1),
        ("pythonshell", asked(max_capacity=10.0), 10),
        ("pythonshell", asked(max_capacity=0.0625, allocated_capacity=0), 0.0625),
        ("pythonshell", asked(max_capacity=1.0, allocated_capacity=1), 1),
        ("pythonshell", asked(max_capacity=4.0, allocated_capacity=4), 4),
        ("glueetl", asked(max_capacity=2.0), 2),
        ("glueetl", asked(max_capacity=100.0), 100),
        ("glueetl", asked(max_capacity=7.0, allocated_capacity=7), 7),
    ],
)
def test_a_capacity_is_taken_as_it_is_asked_for(command: str, request_: CapacityRequest, dpu: float) -> None:
    assert capacity.settle(request_, NOTHING, command, 1000) == Capacity(dpu=dpu)


@pytest.mark.parametrize("worker_type", [name for name in capacity.DPU_PER_WORKER if name != "Z.2X"])
def test_workers_multiply(worker_type: str) -> None:
    settled = capacity.settle(asked(worker_type=worker_type, number_of_workers=3), NOTHING, "glueetl", 1000)
    assert settled == Capacity(
        dpu=3 * capacity.DPU_PER_WORKER[worker_type], worker_type=worker_type, number_of_workers=3
    )


def test_the_capacities_that_getjob_adds_to_workers_are_accepted_back() -> None:
    request = asked(worker_type="G.025X", number_of_workers=3, max_capacity=0.75, allocated_capacity=0)
    assert capacity.settle(request, NOTHING, "glueetl", 100).dpu == 0.75


def test_a_run_goes_before_its_job_and_the_job_before_the_default() -> None:
    job = asked(worker_type="G.2X", number_of_workers=4)
    assert capacity.settle(asked(max_capacity=5.0), job, "glueetl", 100) == Capacity(dpu=5.0)
    assert capacity.settle(NOTHING, job, "glueetl", 100).dpu == 8


@pytest.mark.parametrize(
    ("command", "request_", "sentence"),
    [
        ("glueetl", asked(allocated_capacity=1), "Allocated Capacity 1 is not allowed: it must be between 2 and 100."),
        (
            "glueetl",
            asked(allocated_capacity=101),
            "Allocated Capacity 101 is not allowed: it must be between 2 and 100.",
        ),
        (
            "glueetl",
            asked(allocated_capacity=5, max_capacity=6.0),
            "Please set only Allocated Capacity or Max Capacity.",
        ),
        (
            "pythonshell",
            asked(max_capacity=2.0),
            "Max Capacity 2 is not allowed for Job Command pythonshell: it must be 0.0625 or 1.",
        ),
        *[
            (
                "glueetl",
                asked(max_capacity=value),
                (
                    f"Max Capacity {value:g} is not allowed for Job Command glueetl: "
                    "it must be a whole number between 2 and 100."
                ),
            )
            for value in (0.0625, 1.0, 2.5, 100.5, 101.0, -3.0)
        ],
        (
            "pythonshell",
            asked(worker_type="G.1X", number_of_workers=2),
            "Worker Type is not supported for Job Command pythonshell",
        ),
        ("glueetl", asked(worker_type="G.1X"), "Please set both Worker Type and Number of Workers."),
        ("glueetl", asked(number_of_workers=2), "Please set both Worker Type and Number of Workers."),
        (
            "glueetl",
            asked(worker_type="X", number_of_workers=2),
            f"Worker Type X is not one of {', '.join(capacity.DPU_PER_WORKER)}.",
        ),
        (
            "glueray",
            asked(worker_type="G.1X", number_of_workers=2),
            "Worker type cannot be null and only [Z.2X] worker types are supported for glueray jobs",
        ),
        (
            "glueetl",
            asked(worker_type="G.1X", number_of_workers=1),
            "To use Worker Type G.1X, minimum allowed value of Number of Workers is 2.",
        ),
        (
            "glueetl",
            asked(worker_type="G.1X", number_of_workers=300),
            "To use Worker Type G.1X, maximum allowed value of Number of Workers is 299.",
        ),
        (
            "glueetl",
            asked(worker_type="G.2X", number_of_workers=150),
            "To use Worker Type G.2X, maximum allowed value of Number of Workers is 149.",
        ),
        (
            "glueetl",
            asked(worker_type="G.1X", number_of_workers=2, max_capacity=3.0),
            "Please do not set Max Capacity if using Worker Type and Number of Workers.",
        ),
        (
            "glueetl",
            asked(worker_type="G.1X", number_of_workers=2, allocated_capacity=3),
            "Please do not set Max Capacity if using Worker Type and Number of Workers.",
        ),
    ],
)
def test_a_contradiction_is_refused_with_its_sentence(command: str, request_: CapacityRequest, sentence: str) -> None:
    for refuse in (
        lambda: capacity.check(request_, command),
        lambda: capacity.settle(request_, NOTHING, command, 1000),
        lambda: capacity.settle(NOTHING, request_, command, 1000),
    ):
        with pytest.raises(InvalidInputError) as refused:
            refuse()
        assert str(refused.value) == sentence


def test_ray_takes_its_own_worker_type() -> None:
    settled = capacity.settle(asked(worker_type="Z.2X", number_of_workers=2), NOTHING, "glueray", 100)
    assert settled.dpu == 4


def test_a_demand_above_all_slots_is_refused_because_it_could_never_start() -> None:
    with pytest.raises(ResourceNumberLimitExceededError) as refused:
        capacity.settle(NOTHING, NOTHING, "glueetl", 9.5)
    assert str(refused.value) == "The run needs 10 DPU, and this orchestrator lends 9.5 at most ([capacity] dpus)."


def test_a_demand_of_all_slots_is_not_refused() -> None:
    assert capacity.settle(NOTHING, NOTHING, "glueetl", 10).dpu == 10

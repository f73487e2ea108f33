"""How much of the machine a run takes, in DPU, from Glue's three forms of asking.

Source: design §4.2 (the default of 10 for every job type, AllocatedCapacity for Python shell) and the Glue API's
texts on WorkerType, NumberOfWorkers and MaxCapacity.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from orchestrator.model.errors import InvalidInputError, ResourceNumberLimitExceededError
from orchestrator.model.records import Capacity, CapacityRequest

DEFAULT_DPU: Final = 10
MIN_DPU: Final = 2
MAX_DPU: Final = 100
PYTHON_SHELL_MAX_CAPACITIES: Final = (0.0625, 1.0)

DPU_PER_WORKER: Final[Mapping[str, float]] = MappingProxyType(
    {
        "Standard": 1,
        "G.025X": 0.25,
        "G.1X": 1,
        "G.2X": 2,
        "G.4X": 4,
        "G.8X": 8,
        "G.12X": 12,
        "G.16X": 16,
        "R.1X": 1,
        "R.2X": 2,
        "R.4X": 4,
        "R.8X": 8,
        "Z.2X": 2,
    }
)
_MIN_WORKERS: Final = 2
_MAX_WORKERS: Final = 299
_MAX_WORKERS_BY_TYPE: Final = MappingProxyType({"G.2X": 149})


def check(request: CapacityRequest, command_name: str) -> None:
    """Refuse a request for capacity that contradicts itself or the command's rules.

    Raises:
        InvalidInputError: with Glue's sentence where Glue has one.
    """
    _settled(request, command_name)


def settle(run: CapacityRequest, job: CapacityRequest, command_name: str, cap_dpu: float) -> Capacity:
    """Return what a run takes: what the call asked for, else what the job says, else ten DPU.

    Raises:
        InvalidInputError: the request contradicts itself or the command's rules.
        ResourceNumberLimitExceededError: the demand is above all the slots there are, so it could never start.
    """
    capacity = _settled(run, command_name) or _settled(job, command_name) or Capacity(dpu=float(DEFAULT_DPU))
    if capacity.dpu > cap_dpu:
        raise ResourceNumberLimitExceededError.demand(capacity.dpu, cap_dpu)
    return capacity


def shown(request: CapacityRequest, command_name: str) -> Capacity:
    """Return the capacity of a stored definition, for display."""
    return _settled(request, command_name) or Capacity(dpu=float(DEFAULT_DPU))


def _settled(request: CapacityRequest, command_name: str) -> Capacity | None:
    if request.is_empty:
        return None
    if request.worker_type is not None or request.number_of_workers is not None:
        return _of_workers(request, command_name)
    allocated, maximum = request.allocated_capacity, request.max_capacity
    if maximum is None or (maximum == allocated and MIN_DPU <= allocated <= MAX_DPU):  # alone, or as GetJob shows it
        assert allocated is not None  # noqa: S101 - the request is not empty, and the other forms are ruled out
        if not MIN_DPU <= allocated <= MAX_DPU:
            sentence = f"Allocated Capacity {allocated} is not allowed: it must be between {MIN_DPU} and {MAX_DPU}."
            raise InvalidInputError(sentence)
        return Capacity(dpu=float(allocated))
    if allocated is not None and allocated != int(maximum):  # both, as GetJob returns them, agree
        sentence = "Please set only Allocated Capacity or Max Capacity."
        raise InvalidInputError(sentence)
    if allocated != maximum or not MIN_DPU <= maximum <= MAX_DPU:  # alike and in bounds is what GetJob returned
        _check_max_capacity(maximum, command_name)
    return Capacity(dpu=maximum)


def _check_max_capacity(maximum: float, command_name: str) -> None:
    if command_name == "pythonshell":
        if maximum not in (
            *PYTHON_SHELL_MAX_CAPACITIES,
            float(DEFAULT_DPU),
        ):  # 10.0 is what GetJob shows for an unset one
            sentence = f"Max Capacity {maximum:g} is not allowed for Job Command pythonshell: it must be 0.0625 or 1."
            raise InvalidInputError(sentence)
    elif not (MIN_DPU <= maximum <= MAX_DPU and maximum == int(maximum)):
        sentence = (
            f"Max Capacity {maximum:g} is not allowed for Job Command {command_name}: "
            f"it must be a whole number between {MIN_DPU} and {MAX_DPU}."
        )
        raise InvalidInputError(sentence)


def _of_workers(request: CapacityRequest, command_name: str) -> Capacity:
    worker_type, number = request.worker_type, request.number_of_workers
    if command_name == "pythonshell":
        sentence = "Worker Type is not supported for Job Command pythonshell"
        raise InvalidInputError(sentence)
    if worker_type is None or number is None:
        sentence = "Please set both Worker Type and Number of Workers."
        raise InvalidInputError(sentence)
    per_worker = DPU_PER_WORKER.get(worker_type)
    if per_worker is None:
        sentence = f"Worker Type {worker_type} is not one of {', '.join(DPU_PER_WORKER)}."
        raise InvalidInputError(sentence)
    if command_name == "glueray" and worker_type != "Z.2X":
        sentence = "Worker type cannot be null and only [Z.2X] worker types are supported for glueray jobs"
        raise InvalidInputError(sentence)
    most = _MAX_WORKERS_BY_TYPE.get(worker_type, _MAX_WORKERS)
    if number < _MIN_WORKERS:
        sentence = f"To use Worker Type {worker_type}, minimum allowed value of Number of Workers is {_MIN_WORKERS}."
        raise InvalidInputError(sentence)
    if number > most:
        sentence = f"To use Worker Type {worker_type}, maximum allowed value of Number of Workers is {most}."
        raise InvalidInputError(sentence)
    dpu = per_worker * number
    _check_agrees(request, dpu)
    return Capacity(dpu=dpu, worker_type=worker_type, number_of_workers=number)


def _check_agrees(request: CapacityRequest, dpu: float) -> None:
    """Accept the capacities that GetJob itself adds to a worker form; refuse any other."""
    agrees = request.max_capacity in (None, dpu) and request.allocated_capacity in (None, int(dpu))
    if not agrees:
        sentence = "Please do not set Max Capacity if using Worker Type and Number of Workers."
        raise InvalidInputError(sentence)

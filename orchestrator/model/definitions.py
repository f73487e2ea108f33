"""What a job definition means where it is silent, and which definitions are refused.

Source: glue-semantics §3.3 and §7.
"""

from dataclasses import replace
from typing import Final

from orchestrator.model import arguments, capacity
from orchestrator.model.errors import InvalidInputError
from orchestrator.model.records import Capacity, CapacityRequest, JobDefinition

COMMAND_NAMES: Final = ("glueetl", "pythonshell", "gluestreaming", "glueray")
DEFAULT_GLUE_VERSION: Final = "5.1"
MAX_TIMEOUT_MIN: Final = 10_080
MAX_RETRIES: Final = 10
_LONG_TIMEOUT_MIN: Final = 2_880
_SHORT_TIMEOUT_MIN: Final = 480
_SHORT_TIMEOUT_SINCE_MAJOR: Final = 5


def check(definition: JobDefinition) -> None:
    """Refuse a definition that no run could follow.

    Raises:
        InvalidInputError: names the member and what it may be.
    """
    command = definition.command
    if command.name not in COMMAND_NAMES:
        sentence = f"Command.Name is '{command.name}', which is not one of {', '.join(COMMAND_NAMES)}."
        raise InvalidInputError(sentence)
    if command.script_location is not None and "\0" in command.script_location:
        sentence = "Command.ScriptLocation contains a NUL character."
        raise InvalidInputError(sentence)
    if definition.max_retries is not None and not 0 <= definition.max_retries <= MAX_RETRIES:
        sentence = f"MaxRetries is {definition.max_retries}; it must be between 0 and {MAX_RETRIES}."
        raise InvalidInputError(sentence)
    if definition.max_concurrent_runs is not None and definition.max_concurrent_runs < 1:
        sentence = f"ExecutionProperty.MaxConcurrentRuns is {definition.max_concurrent_runs}; it must be at least 1."
        raise InvalidInputError(sentence)
    if command.name == "glueray" and definition.timeout_min is not None:
        sentence = "Timeout not supported for Ray jobs"
        raise InvalidInputError(sentence)
    check_timeout(definition.timeout_min)
    capacity.check(definition.capacity, command.name)
    arguments.check_overridable(definition.default_arguments, "DefaultArguments")
    arguments.check_map(definition.non_overridable_arguments, "NonOverridableArguments")
    arguments.check_own(definition.default_arguments, "DefaultArguments")
    arguments.check_own(definition.non_overridable_arguments, "NonOverridableArguments")


def is_same(one: JobDefinition, other: JobDefinition) -> bool:
    """Say whether two definitions are the same job, however their capacity is spelled.

    GetJob adds both capacities to what it was given, and its answer, fed back into CreateJob, is no other job.
    """
    name = one.command.name
    is_alike = replace(one, capacity=CapacityRequest()) == replace(other, capacity=CapacityRequest())
    return is_alike and capacity.shown(one.capacity, name) == capacity.shown(other.capacity, name)


def check_timeout(minutes: int | None) -> None:
    """Refuse a Timeout outside of 1 to 10,080 minutes (7 days).

    Raises:
        InvalidInputError: names the limit.
    """
    if minutes is not None and not 1 <= minutes <= MAX_TIMEOUT_MIN:
        sentence = f"Timeout is {minutes}; it must be between 1 and {MAX_TIMEOUT_MIN} minutes (7 days)."
        raise InvalidInputError(sentence)


def glue_version(definition: JobDefinition) -> str:
    """Return the job's GlueVersion, or the model's newest where it names none."""
    return definition.glue_version or DEFAULT_GLUE_VERSION


def timeout_min(run_timeout_min: int | None, definition: JobDefinition) -> int | None:
    """Return the minutes a run may take: its own, else the job's, else Glue's default; None is "no limit"."""
    if run_timeout_min is not None:
        return run_timeout_min
    if definition.timeout_min is not None:
        return definition.timeout_min
    if definition.command.name == "gluestreaming":
        return None
    major = glue_version(definition).partition(".")[0]
    is_recent = major.isdecimal() and int(major) >= _SHORT_TIMEOUT_SINCE_MAJOR
    return _SHORT_TIMEOUT_MIN if is_recent and definition.command.name != "pythonshell" else _LONG_TIMEOUT_MIN


def run_capacity(run: CapacityRequest, definition: JobDefinition, cap_dpu: float) -> Capacity:
    """Return what a run of this job takes from the slots.

    Raises:
        InvalidInputError: the request contradicts itself or the command's rules.
        ResourceNumberLimitExceededError: more than all the slots there are.
    """
    return capacity.settle(run, definition.capacity, definition.command.name, cap_dpu)

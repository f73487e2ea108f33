"""What a definition means where it is silent, and which definitions no run could follow."""

from typing import Any

import pytest

from orchestrator.model import definitions
from orchestrator.model.errors import InvalidInputError
from orchestrator.model.records import CapacityRequest, Command
from tests.support.records import a_definition


def command(name: str, **members: Any) -> Command:
    return Command(name=name, **members)


@pytest.mark.parametrize(
    ("name", "glue_version", "minutes"),
    [
        ("glueetl", None, 480),
        ("glueetl", "5.1", 480),
        ("glueetl", "5.0", 480),
        ("glueetl", "10.0", 480),
        ("glueetl", "4.0", 2880),
        ("glueetl", "0.9", 2880),
        ("glueetl", "odd", 2880),
        ("pythonshell", "5.0", 2880),
        ("pythonshell", None, 2880),
        ("gluestreaming", "5.0", None),
        ("gluestreaming", "3.0", None),
    ],
)
def test_a_run_without_a_timeout_has_its_glue_versions(
    name: str, glue_version: str | None, minutes: int | None
) -> None:
    definition = a_definition(command=command(name), glue_version=glue_version)
    assert definitions.timeout_min(None, definition) == minutes


def test_a_runs_timeout_goes_before_its_jobs_and_that_before_the_default() -> None:
    definition = a_definition(timeout_min=7, command=command("gluestreaming"))
    assert definitions.timeout_min(3, definition) == 3
    assert definitions.timeout_min(None, definition) == 7


@pytest.mark.parametrize("minutes", [1, 10_080, None])
def test_a_timeout_up_to_seven_days_is_accepted(minutes: int | None) -> None:
    definitions.check_timeout(minutes)


@pytest.mark.parametrize("minutes", [0, -1, 10_081])
def test_a_timeout_outside_of_seven_days_is_refused(minutes: int) -> None:
    with pytest.raises(InvalidInputError) as refused:
        definitions.check_timeout(minutes)
    assert str(refused.value) == f"Timeout is {minutes}; it must be between 1 and 10080 minutes (7 days)."


@pytest.mark.parametrize("name", definitions.COMMAND_NAMES)
def test_a_definition_that_says_little_is_accepted(name: str) -> None:
    definitions.check(a_definition(command=command(name)))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"command": command("sparkle")},
            "Command.Name is 'sparkle', which is not one of glueetl, pythonshell, gluestreaming, glueray.",
        ),
        ({"command": command("glueetl", script_location="a\0b")}, "Command.ScriptLocation contains a NUL character."),
        ({"max_retries": 11}, "MaxRetries is 11; it must be between 0 and 10."),
        ({"max_retries": -1}, "MaxRetries is -1; it must be between 0 and 10."),
        ({"max_concurrent_runs": 0}, "ExecutionProperty.MaxConcurrentRuns is 0; it must be at least 1."),
        ({"command": command("glueray"), "timeout_min": 5}, "Timeout not supported for Ray jobs"),
        ({"timeout_min": 0}, "Timeout is 0; it must be between 1 and 10080 minutes (7 days)."),
        (
            {"capacity": CapacityRequest(allocated_capacity=1)},
            "Allocated Capacity 1 is not allowed: it must be between 2 and 100.",
        ),
        (
            {"default_arguments": {"--a": "\0"}},
            "DefaultArguments: the argument '--a' contains a NUL character, which no process can be given.",
        ),
        (
            {"non_overridable_arguments": {"--a": "\0"}},
            "NonOverridableArguments: the argument '--a' contains a NUL character, which no process can be given.",
        ),
    ],
)
def test_a_definition_that_no_run_could_follow_is_refused(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        definitions.check(a_definition(**changes))
    assert str(refused.value) == sentence


def test_the_limits_themselves_are_accepted() -> None:
    definitions.check(a_definition(max_retries=10, max_concurrent_runs=1, timeout_min=10_080))


def test_a_job_without_a_glue_version_has_the_newest() -> None:
    assert definitions.glue_version(a_definition()) == definitions.DEFAULT_GLUE_VERSION
    assert definitions.glue_version(a_definition(glue_version="4.0")) == "4.0"


def test_one_run_of_a_job_at_once_unless_it_says_otherwise() -> None:
    assert a_definition().concurrency_limit == 1
    assert a_definition(max_concurrent_runs=3).concurrency_limit == 3


def test_a_runs_capacity_is_settled_with_its_jobs() -> None:
    definition = a_definition(capacity=CapacityRequest(max_capacity=0.0625))
    assert definitions.run_capacity(CapacityRequest(), definition, 100).dpu == 0.0625


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (CapacityRequest(), CapacityRequest(allocated_capacity=10, max_capacity=10.0)),
        (CapacityRequest(max_capacity=0.0625), CapacityRequest(allocated_capacity=0, max_capacity=0.0625)),
        (CapacityRequest(allocated_capacity=4), CapacityRequest(allocated_capacity=4, max_capacity=4.0)),
    ],
)
def test_a_job_as_get_job_shows_it_is_the_same_job(given: CapacityRequest, shown: CapacityRequest) -> None:
    assert definitions.is_same(
        a_definition(command=command("pythonshell"), capacity=given),
        a_definition(command=command("pythonshell"), capacity=shown),
    )


def test_another_capacity_is_another_job() -> None:
    four, five = (a_definition(capacity=CapacityRequest(allocated_capacity=dpu)) for dpu in (4, 5))

    assert not definitions.is_same(four, five)


def test_another_description_is_another_job() -> None:
    assert not definitions.is_same(a_definition(description="one"), a_definition(description="two"))

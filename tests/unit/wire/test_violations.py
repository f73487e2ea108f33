"""A broken rule is told in AWS's sentence, with the member's path; another JSON type is told as such."""

import json

import pytest

from orchestrator.model.errors import InvalidInputError
from orchestrator.wire.decode import decode
from orchestrator.wire.errors import SerializationError
from orchestrator.wire.shape import Shape
from orchestrator.wire.shapes import BatchStopJobRunRequest, CreateJobRequest, GetJobRunsRequest, StartJobRunRequest

JOB = {"Name": "a", "Role": "r", "Command": {}}
LINE = r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*"


def violation(shape: type[Shape], members: dict[str, object]) -> str:
    """Return the sentence behind "1 validation error detected"."""
    with pytest.raises(InvalidInputError) as refused:
        decode(json.dumps(members).encode(), shape)
    count, _, sentence = str(refused.value).partition(": ")
    assert count == "1 validation error detected"
    return sentence


@pytest.mark.parametrize(
    ("shape", "members", "value", "path", "rule"),
    [
        (
            GetJobRunsRequest,
            {"MaxResults": 500},
            "'500'",
            "maxResults",
            "Member must have value less than or equal to 200",
        ),
        (StartJobRunRequest, {"Timeout": 0}, "'0'", "timeout", "Member must have value greater than or equal to 1"),
        (StartJobRunRequest, {"JobName": None}, "null", "jobName", "Member must not be null"),
        (StartJobRunRequest, {"JobName": ""}, "''", "jobName", "Member must have length greater than or equal to 1"),
        (
            StartJobRunRequest,
            {"JobName": "x" * 256},
            f"'{'x' * 200}...'",
            "jobName",
            "Member must have length less than or equal to 255",
        ),
        (
            StartJobRunRequest,
            {"JobName": "a\n\u202eb"},
            r"'a\u000a\u202eb'",
            "jobName",
            f"Member must satisfy regular expression pattern: {LINE}",
        ),
        (
            StartJobRunRequest,
            {"ExecutionClass": "SLOW"},
            "'SLOW'",
            "executionClass",
            "Member must satisfy enum value set: [FLEX, STANDARD]",
        ),
        (
            StartJobRunRequest,
            {"NotificationProperty": {"NotifyDelayAfter": 0}},
            "'0'",
            "notificationProperty.notifyDelayAfter",
            "Member must have value greater than or equal to 1",
        ),
        (
            StartJobRunRequest,
            {"Arguments": {"--k": None}},
            "null",
            "arguments",
            "Map value must satisfy constraint: [Member must not be null]",
        ),
        (
            BatchStopJobRunRequest,
            {"JobRunIds": ["a", "b\0"]},
            r"'b\u0000'",
            "jobRunIds.2.member",
            f"Member must satisfy regular expression pattern: {LINE}",
        ),
        (
            BatchStopJobRunRequest,
            {"JobRunIds": ["a"] * 26},
            f"'[{', '.join('a' * 26)}]'",
            "jobRunIds",
            "Member must have length less than or equal to 25",
        ),
        (
            BatchStopJobRunRequest,
            {"JobRunIds": []},
            "'[]'",
            "jobRunIds",
            "Member must have length greater than or equal to 1",
        ),
        (
            CreateJobRequest,
            {"Command": {"PythonVersion": "4"}},
            "'4'",
            "command.pythonVersion",
            "Member must satisfy regular expression pattern: ^([2-3]|3[.]9)$",
        ),
        (
            CreateJobRequest,
            {"Connections": {"Connections": ["a", "x" * 256]}},
            f"'{'x' * 200}...'",
            "connections.connections.2.member",
            "Member must have length less than or equal to 255",
        ),
        (
            CreateJobRequest,
            {"Tags": {"": "v"}},
            "''",
            "tags",
            "Map keys must satisfy constraint: [Member must have length greater than or equal to 1]",
        ),
        (
            CreateJobRequest,
            {"Tags": {"[key]": "v" * 257}},
            f"'{'v' * 200}...'",
            "tags",
            "Map value must satisfy constraint: [Member must have length less than or equal to 256]",
        ),
    ],
)
def test_a_broken_rule_is_told_in_the_words_of_aws(
    shape: type[Shape], members: dict[str, object], value: str, path: str, rule: str
) -> None:
    required: dict[str, object] = {**JOB} if shape is CreateJobRequest else {"JobName": "a"}

    sentence = violation(shape, {**required, **members})

    assert sentence == f"Value {value} at '{path}' failed to satisfy constraint: {rule}"


def test_several_broken_rules_are_told_together() -> None:
    with pytest.raises(InvalidInputError) as refused:
        decode(b'{"JobName": "", "Timeout": 0}', StartJobRunRequest)

    assert str(refused.value) == (
        "2 validation errors detected: "
        "Value '' at 'jobName' failed to satisfy constraint: Member must have length greater than or equal to 1; "
        "Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater than or equal to 1"
    )


def test_only_the_first_ten_of_many_broken_rules_are_spelled_out() -> None:
    tags = {f"k{number}": "v" * 257 for number in range(20)}

    with pytest.raises(InvalidInputError) as refused:
        decode(json.dumps({**JOB, "Tags": tags}).encode(), CreateJobRequest)

    assert str(refused.value).startswith("20 validation errors detected: ")
    assert str(refused.value).count("failed to satisfy constraint") == 10


@pytest.mark.parametrize(
    ("member", "value", "sentence"),
    [
        ("JobName", 5, "'JobName' must be a string, not the number 5."),
        ("JobName", ["a"], "'JobName' must be a string, not a list."),
        ("Arguments", "--k v", "'Arguments' must be an object, not a string."),
        ("Arguments", {"--k\n": 5}, r"'Arguments.--k\u000a' must be a string, not the number 5."),
        ("NotificationProperty", [], "'NotificationProperty' must be an object, not a list."),
        (
            "NotificationProperty",
            {"NotifyDelayAfter": "1"},
            "'NotificationProperty.NotifyDelayAfter' must be an integer, not a string.",
        ),
        ("Timeout", 5.0, "'Timeout' must be an integer, not the number 5.0."),
        ("Timeout", True, "'Timeout' must be an integer, not a boolean."),
        ("Timeout", 2**31, "'Timeout' must be an integer of 32 bits, not the number 2147483648."),
        (
            "AllocatedCapacity",
            -(2**31) - 1,
            "'AllocatedCapacity' must be an integer of 32 bits, not the number -2147483649.",
        ),
        ("MaxCapacity", True, "'MaxCapacity' must be a number, not a boolean."),
        ("JobRunQueuingEnabled", "true", "'JobRunQueuingEnabled' must be a boolean, not a string."),
        ("ExecutionClass", {}, "'ExecutionClass' must be a string, not an object."),
    ],
)
def test_another_json_type_is_told_with_the_member_as_it_was_sent(member: str, value: object, sentence: str) -> None:
    with pytest.raises(SerializationError) as refused:
        decode(json.dumps({"JobName": "a", member: value}).encode(), StartJobRunRequest)

    assert str(refused.value) == f"The member {sentence}"


def test_a_wrong_item_of_a_list_is_told_with_its_place() -> None:
    with pytest.raises(SerializationError, match=r"'JobRunIds\[1\]' must be a string, not the number 5"):
        decode(b'{"JobName": "a", "JobRunIds": ["a", 5]}', BatchStopJobRunRequest)


def test_a_wrong_type_is_told_before_any_broken_rule() -> None:
    with pytest.raises(SerializationError, match="'Timeout'"):
        decode(b'{"JobName": "", "Timeout": "5"}', StartJobRunRequest)


def test_worker_types_are_not_closed_here() -> None:
    assert decode(b'{"JobName": "a", "WorkerType": "G.99X"}', StartJobRunRequest).worker_type == "G.99X"

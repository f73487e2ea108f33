"""The header X-Amz-Target names an operation that we have, or is refused by name."""

import pytest

from orchestrator.wire.actions import operation_of
from orchestrator.wire.errors import MissingTargetError, UnknownOperationError
from orchestrator.wire.shapes import REQUESTS


@pytest.mark.parametrize("action", REQUESTS)
def test_an_operation_that_we_have_is_found(action: str) -> None:
    assert operation_of(f"AWSGlue.{action}") == action


@pytest.mark.parametrize("header", [None, ""])
def test_no_target_is_refused(header: str | None) -> None:
    with pytest.raises(MissingTargetError):
        operation_of(header)


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("AWSGlue.GetTables", "GetTables"),
        ("AWSGlue.startjobrun", "startjobrun"),
        ("AWSGlue.", ""),
        ("AWSGlue", ""),
        ("AWSGlue.StartJobRun.x", "StartJobRun.x"),
        ("Kinesis_20131202.StartJobRun", "Kinesis_20131202.StartJobRun"),
        ("StartJobRun", "StartJobRun"),
    ],
)
def test_an_operation_that_we_lack_is_refused_by_its_name(header: str, name: str) -> None:
    with pytest.raises(UnknownOperationError) as refused:
        operation_of(header)

    assert refused.value.name == name

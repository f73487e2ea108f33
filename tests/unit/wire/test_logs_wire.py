"""The log API's errors have its names and its spelling; its tokens are of use in their own selection only."""

import json

import pytest
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.errors import EntityNotFoundError, InvalidInputError, RequestError, StoreError
from orchestrator.model.log_errors import LogNotFoundError, LogParameterError
from orchestrator.wire import logs_errors
from orchestrator.wire.decode import decode
from orchestrator.wire.errors import AccessDeniedError, SerializationError, UnknownOperationError
from orchestrator.wire.logs_actions import is_for_logs, operation_of
from orchestrator.wire.logs_errors import to_wire
from orchestrator.wire.logs_paging import Cursor, decode_cursor, encode_cursor
from orchestrator.wire.logs_shapes import FilterLogEventsRequest
from tests.support.shape_generator import LOGS, service_model

SEQS = st.integers(0, 2**40)


@pytest.mark.parametrize(
    ("error", "status", "name", "sentence"),
    [
        (LogNotFoundError.group(), 400, "ResourceNotFoundException", "The specified log group does not exist."),
        (LogParameterError("No."), 400, "InvalidParameterException", "No."),
        (InvalidInputError("No."), 400, "InvalidParameterException", "No."),
        (SerializationError("No."), 400, "SerializationException", "No."),
        (UnknownOperationError("PutX"), 400, "UnknownOperationException", "Unknown operation: PutX"),
        (AccessDeniedError("No."), 403, "AccessDeniedException", "No."),
        (
            StoreError("/secret"),
            500,
            "ServiceUnavailableException",
            "The orchestrator failed to answer this call; its log says why.",
        ),
    ],
)
def test_an_error_is_answered_with_its_name_and_a_lower_case_message(
    error: Exception, status: int, name: str, sentence: str
) -> None:
    answer = to_wire(error)
    assert (status, name) == (answer.status, answer.name)
    assert {"__type": name, "message": sentence} == json.loads(answer.body)
    response = {"status_code": status, "headers": {}, "body": answer.body}
    parsed = create_parser("json").parse(response, None)
    assert parsed["Error"] == {"Code": name, "Message": sentence}


def test_the_names_are_the_models() -> None:
    shapes = service_model(LOGS)["shapes"]
    assert [name for name in logs_errors.NAMES.values() if not shapes[name].get("exception")] == []
    assert issubclass(EntityNotFoundError, RequestError)


def test_a_request_that_breaks_a_rule_is_told_by_the_models_own_pattern() -> None:
    with pytest.raises(InvalidInputError) as caught:
        decode(b'{"logGroupName": "a b", "limit": 0}', FilterLogEventsRequest)
    assert str(caught.value) == (
        "2 validation errors detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy "
        r"regular expression pattern: [\.\-_/#A-Za-z0-9]+; Value '0' at 'limit' failed to satisfy constraint: Member "
        "must have value greater than or equal to 1"
    )


def test_a_target_is_of_the_log_api_by_its_prefix() -> None:
    assert is_for_logs("Logs_20140328.GetLogEvents")
    assert not is_for_logs("AWSGlue.GetJob")
    assert not is_for_logs(None)
    assert operation_of("Logs_20140328.GetLogEvents") == "GetLogEvents"
    with pytest.raises(UnknownOperationError, match="PutLogEvents"):
        operation_of("Logs_20140328.PutLogEvents")


@given(SEQS, st.dictionaries(SEQS, SEQS, max_size=20), st.text(max_size=9))
def test_a_cursor_comes_back_from_its_token(after_seq: int, opened: dict[int, int], scope: str) -> None:
    cursor = Cursor(after_seq, opened)
    assert decode_cursor(encode_cursor(cursor, scope), scope) == cursor


def test_no_token_is_the_beginning() -> None:
    assert decode_cursor(None, "") == Cursor(0, {})


@pytest.mark.parametrize(
    "token", ["", "x", "e/", "e/é", "e/!!", "e/" + "A" * 200_000, encode_cursor(Cursor(1, {2: 3}), "another"), "e/e30"]
)
def test_another_token_is_refused(token: str) -> None:
    with pytest.raises(LogParameterError, match="The specified nextToken is invalid"):
        decode_cursor(token, "this")

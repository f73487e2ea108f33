"""Every error of a caller has a Glue name; what is not a caller's error is a 500 that tells nothing of its inside."""

import json
from collections.abc import Iterator

import pytest
from botocore.parsers import create_parser

from orchestrator.model import errors as model_errors
from orchestrator.model.errors import (
    EntityNotFoundError,
    IllegalTransitionError,
    InvalidInputError,
    RequestError,
    StoreBrokenError,
    StoreError,
    StoreFullError,
    UnavailableError,
)
from orchestrator.wire import errors
from orchestrator.wire.errors import (
    AccessDeniedError,
    BodyTooLargeError,
    BusyError,
    ContentTypeError,
    HeadersTooLargeError,
    MissingTargetError,
    NotAnApiCallError,
    SerializationError,
    ShuttingDownError,
    UnknownOperationError,
    name_of,
    to_wire,
)
from tests.support.shape_generator import glue_model

NOT_IN_GLUES_MODEL = {
    "IncompleteSignatureException",
    "InvalidSignatureException",
    "JobRunInTerminalStateException",  # only in the developer guide; an ErrorCode of BatchStopJobRun
    "MissingAuthenticationTokenException",
    "RequestEntityTooLargeException",
    "RequestHeaderFieldsTooLargeException",
    "RequestTimeoutException",
    "SerializationException",
    "ServiceUnavailableException",
    "UnknownOperationException",
    "UnrecognizedClientException",
    "UnsupportedMediaTypeException",
}
"""All others are the protocol's own, which no service's model lists."""


def request_errors(root: type[RequestError] = RequestError) -> Iterator[type[RequestError]]:
    """Return every class of a caller's error that the program has."""
    for error in root.__subclasses__():
        if error.__module__ in (model_errors.__name__, errors.__name__):
            yield error
            yield from request_errors(error)


def test_every_request_error_has_a_name_in_the_table_or_its_parents() -> None:
    classes = set(request_errors())

    assert set(errors.NAMES) <= classes
    assert [error for error in classes if not set(error.__mro__) & set(errors.NAMES)] == []


def test_every_name_is_glues_or_the_protocols() -> None:
    shapes = glue_model()["shapes"]
    names = {name for _, name in errors.NAMES.values()}

    assert {name for name in names if not shapes.get(name, {}).get("exception")} == NOT_IN_GLUES_MODEL


def test_only_what_a_later_try_can_mend_makes_clients_retry() -> None:
    assert {error for error, (status, _) in errors.NAMES.items() if status >= 500} == {BusyError, ShuttingDownError}


@pytest.mark.parametrize(
    ("error", "status", "name", "sentence"),
    [
        (EntityNotFoundError.job("a"), 400, "EntityNotFoundException", "Job with name: a not found."),
        (InvalidInputError("No."), 400, "InvalidInputException", "No."),
        (SerializationError("No."), 400, "SerializationException", "No."),
        (UnknownOperationError("Get\nJob"), 400, "UnknownOperationException", r"Unknown operation: Get\u000aJob"),
        (
            MissingTargetError(),
            400,
            "UnknownOperationException",
            "The header X-Amz-Target is missing; it names the operation, as in AWSGlue.StartJobRun.",
        ),
        (
            NotAnApiCallError("GET", "/"),
            404,
            "UnknownOperationException",
            "GET / is not an API call; the API is POST /.",
        ),
        (
            ContentTypeError(None),
            415,
            "UnsupportedMediaTypeException",
            "The header Content-Type is missing; it must be application/x-amz-json-1.1.",
        ),
        (
            ContentTypeError("text/plain"),
            415,
            "UnsupportedMediaTypeException",
            "The header Content-Type is 'text/plain'; it must be application/x-amz-json-1.1.",
        ),
        (
            HeadersTooLargeError(9),
            431,
            "RequestHeaderFieldsTooLargeException",
            "The request headers have more than 9 bytes.",
        ),
        (BodyTooLargeError(9), 413, "RequestEntityTooLargeException", "The request body has more than 9 bytes."),
        (
            AccessDeniedError.peer(),
            403,
            "AccessDeniedException",
            "Only the user that runs this orchestrator, and root, may call it.",
        ),
        (AccessDeniedError.host(None), 403, "AccessDeniedException", "The header Host is missing."),
        (AccessDeniedError.host("evil"), 403, "AccessDeniedException", "The host 'evil' is not served here."),
        (
            AccessDeniedError.origin("http://evil"),
            403,
            "AccessDeniedException",
            "Requests of web pages (Origin 'http://evil') are not served here.",
        ),
        (
            ShuttingDownError(),
            503,
            "ServiceUnavailableException",
            "The orchestrator is shutting down; try again.",
        ),
    ],
)
def test_a_callers_error_is_answered_with_its_name_and_sentence(
    error: RequestError, status: int, name: str, sentence: str
) -> None:
    answer = to_wire(error)

    assert (status, name) == (answer.status, answer.name)
    assert {"__type": name, "Message": sentence} == json.loads(answer.body)
    assert name_of(error) == name


@pytest.mark.parametrize(
    "error",
    [
        StoreError("/secret/place"),
        StoreBrokenError("/secret/place"),
        UnavailableError("/secret/place"),
        IllegalTransitionError("secret", "secret"),
        ValueError("secret"),
        KeyboardInterrupt("secret"),
        RequestError("secret"),
    ],
)
def test_what_is_not_the_callers_error_tells_nothing_of_its_inside(error: BaseException) -> None:
    answer = to_wire(error)

    assert (answer.status, answer.name) == (500, "InternalServiceException")
    assert b"secret" not in answer.body


def test_a_full_disk_is_named() -> None:
    answer = to_wire(StoreFullError("database or disk is full"))

    assert answer.status == 500
    assert b"The disk is full" in answer.body


def test_a_subclass_without_a_name_has_its_parents() -> None:
    class NarrowerError(InvalidInputError):
        """A test's own."""

    assert to_wire(NarrowerError("No.")).name == "InvalidInputException"


def test_a_lone_surrogate_in_a_sentence_never_gets_out() -> None:
    assert json.loads(to_wire(InvalidInputError("a\ud800b")).body)["Message"] == "a\ufffdb"


def test_botocore_reads_name_and_sentence() -> None:
    answer = to_wire(EntityNotFoundError.job("Ä"))
    parsed = create_parser("json").parse({"status_code": answer.status, "headers": {}, "body": answer.body}, None)

    assert parsed["Error"] == {"Code": "EntityNotFoundException", "Message": "Job with name: Ä not found."}

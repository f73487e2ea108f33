"""Errors of the protocol itself, and the one table from our error classes to Glue's names.

Clients retry on 500 and 503, so these two are kept for what a later try can mend or what is our own fault.
Source: glue-semantics §1.3.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from orchestrator.model.errors import (
    AlreadyExistsError,
    ConcurrentRunsExceededError,
    EntityNotFoundError,
    IdempotentParameterMismatchError,
    IllegalWorkflowStateError,
    InvalidInputError,
    JobRunInTerminalStateError,
    OperationTimeoutError,
    RequestError,
    ResourceNumberLimitExceededError,
    StoreFullError,
    VersionMismatchError,
)
from orchestrator.wire.text import shown, without_surrogates


class SerializationError(RequestError):
    """The body is not JSON, or not of the request's types; the sentence says what is wrong, and where."""


class UnknownOperationError(RequestError):
    """The target names an operation that this orchestrator does not have."""

    def __init__(self, name: str) -> None:
        """Name the operation."""
        super().__init__(f"Unknown operation: {shown(name)}")
        self.name = name


class MissingTargetError(RequestError):
    """The request names no operation."""

    def __init__(self) -> None:
        """Name the header that is missing."""
        super().__init__("The header X-Amz-Target is missing; it names the operation, as in AWSGlue.StartJobRun.")


class NotAnApiCallError(RequestError):
    """A method or a path that is not the API's."""

    def __init__(self, method: str, path: str) -> None:
        """Name what was asked for, and what the API is."""
        super().__init__(f"{shown(method)} {shown(path)} is not an API call; the API is POST /.")
        self.method = method
        self.path = path


class ContentTypeError(RequestError):
    """The body is not declared as AWS JSON, which also keeps web forms out."""

    def __init__(self, found: str | None) -> None:
        """Name what was found and what is wanted."""
        described = "is missing" if found is None else f"is '{shown(found)}'"
        super().__init__(f"The header Content-Type {described}; it must be application/x-amz-json-1.1.")
        self.found = found


class BodyTooLargeError(RequestError):
    """The body is longer than this orchestrator reads."""

    def __init__(self, limit_bytes: int) -> None:
        """Name the limit."""
        super().__init__(f"The request body has more than {limit_bytes} bytes.")
        self.limit_bytes = limit_bytes


class HeadersTooLargeError(RequestError):
    """The headers are longer than this orchestrator reads."""

    def __init__(self, limit_bytes: int) -> None:
        """Name the limit."""
        super().__init__(f"The request headers have more than {limit_bytes} bytes.")
        self.limit_bytes = limit_bytes


class AccessDeniedError(RequestError):
    """The caller may not use this orchestrator."""

    @classmethod
    def peer(cls) -> "AccessDeniedError":
        """Another local user's process, or one that cannot be told."""
        return cls("Only the user that runs this orchestrator, and root, may call it.")

    @classmethod
    def host(cls, host: str | None) -> "AccessDeniedError":
        """A Host header outside of the allow-list: DNS rebinding looks like this."""
        return cls("The header Host is missing." if host is None else f"The host '{shown(host)}' is not served here.")

    @classmethod
    def origin(cls, origin: str) -> "AccessDeniedError":
        """A web page's request; the API serves none."""
        return cls(f"Requests of web pages (Origin '{shown(origin)}') are not served here.")

    @classmethod
    def site(cls) -> "AccessDeniedError":
        """What a browser asks for a page that is not ours."""
        return cls("What a browser asks for a page of another site is not served here.")

    @classmethod
    def token(cls) -> "AccessDeniedError":
        """A call of a page that this daemon did not make, or of one that the daemon before it made."""
        return cls("The token is not this daemon's; load the page anew.")

    @classmethod
    def read_only(cls) -> "AccessDeniedError":
        """The owner lets the console only look."""
        return cls("The console may only look here ([console] read_only).")

    @classmethod
    def not_for_pages(cls, operation: str) -> "AccessDeniedError":
        """An action that the console has no use for."""
        return cls(f"{shown(operation)} is not for the console.")


class ShuttingDownError(RequestError):
    """The daemon is ending; its successor takes the call."""

    def __init__(self) -> None:
        """Say that a later try may succeed."""
        super().__init__("The orchestrator is shutting down; try again.")


class MissingSignatureError(RequestError):
    """The orchestrator has keys, and the request is not signed."""

    def __init__(self) -> None:
        """Say what is missing, and how it is done."""
        super().__init__("Missing Authentication Token: requests over TCP must be signed (AWS Signature Version 4).")


class IncompleteSignatureError(RequestError):
    """The signature lacks something, or something of it cannot be read."""

    @classmethod
    def algorithm(cls, known: str) -> "IncompleteSignatureError":
        """Another way of signing."""
        return cls(f"Authorization header requires the algorithm {known}.")

    @classmethod
    def part(cls, name: str) -> "IncompleteSignatureError":
        """A part is missing or no such thing."""
        return cls(f"Authorization header requires a valid '{name}' parameter.")


class UnrecognizedClientError(RequestError):
    """The key is none that the orchestrator knows."""

    def __init__(self) -> None:
        """Say Glue's sentence."""
        super().__init__("The security token included in the request is invalid.")


class InvalidSignatureError(RequestError):
    """The signature is not this request's, or not of this time."""

    @classmethod
    def mismatch(cls) -> "InvalidSignatureError":
        """The secret is another, or the request was changed on its way."""
        return cls(
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
        )

    @classmethod
    def scope(cls) -> "InvalidSignatureError":
        """The signature is for another day or service."""
        return cls("Credential should be scoped to the date of X-Amz-Date and to a service that is served here.")

    @classmethod
    def unsigned(cls, header: str) -> "InvalidSignatureError":
        """A header that decides something could be changed on its way."""
        return cls(f"'{shown(header)}' must be a 'SignedHeader' in the AWS Authorization.")

    @classmethod
    def expired(cls, signed_at: str, oldest: str, now: str) -> "InvalidSignatureError":
        """It was signed too long ago."""
        return cls(f"Signature expired: {signed_at} is now earlier than {oldest} ({now} - 15 min.)")

    @classmethod
    def early(cls, signed_at: str, latest: str, now: str) -> "InvalidSignatureError":
        """It was signed in the future."""
        return cls(f"Signature not yet current: {signed_at} is still later than {latest} ({now} + 15 min.)")


class BusyError(RequestError):
    """There is no room for another connection now."""

    @classmethod
    def connections(cls, limit: int) -> "BusyError":
        """As many connections as there may be."""
        return cls(f"The orchestrator has {limit} connections, which is all it takes; try again.")

    @classmethod
    def followers(cls, limit: int) -> "BusyError":
        """As many readers of the events as there may be."""
        return cls(f"{limit} follow the events already, which is all that may; try again.")

    @classmethod
    def descriptors(cls) -> "BusyError":
        """No file descriptor is left."""
        return cls("The orchestrator has no file descriptor left; try again.")


class RequestTooSlowError(RequestError):
    """A request was begun, and its end did not come."""

    def __init__(self, part: str, limit_s: float) -> None:
        """Name the part that is missing, and how long it was waited for."""
        super().__init__(f"The request's {part} did not come within {limit_s:g} s.")
        self.part = part
        self.limit_s = limit_s


@dataclass(frozen=True, slots=True)
class WireError:
    """An error as it is answered."""

    status: int
    name: str
    body: bytes


NAMES: Final[Mapping[type[RequestError], tuple[int, str]]] = MappingProxyType(
    {
        AlreadyExistsError: (400, "AlreadyExistsException"),
        ConcurrentRunsExceededError: (400, "ConcurrentRunsExceededException"),
        EntityNotFoundError: (400, "EntityNotFoundException"),
        IdempotentParameterMismatchError: (400, "IdempotentParameterMismatchException"),
        IllegalWorkflowStateError: (400, "IllegalWorkflowStateException"),
        InvalidInputError: (400, "InvalidInputException"),
        JobRunInTerminalStateError: (400, "JobRunInTerminalStateException"),
        OperationTimeoutError: (400, "OperationTimeoutException"),
        ResourceNumberLimitExceededError: (400, "ResourceNumberLimitExceededException"),
        VersionMismatchError: (400, "VersionMismatchException"),
        AccessDeniedError: (403, "AccessDeniedException"),
        BusyError: (503, "ServiceUnavailableException"),
        RequestTooSlowError: (408, "RequestTimeoutException"),
        MissingSignatureError: (403, "MissingAuthenticationTokenException"),
        IncompleteSignatureError: (403, "IncompleteSignatureException"),
        UnrecognizedClientError: (403, "UnrecognizedClientException"),
        InvalidSignatureError: (403, "InvalidSignatureException"),
        BodyTooLargeError: (413, "RequestEntityTooLargeException"),
        HeadersTooLargeError: (431, "RequestHeaderFieldsTooLargeException"),
        ContentTypeError: (415, "UnsupportedMediaTypeException"),
        MissingTargetError: (400, "UnknownOperationException"),
        NotAnApiCallError: (404, "UnknownOperationException"),
        SerializationError: (400, "SerializationException"),
        ShuttingDownError: (503, "ServiceUnavailableException"),
        UnknownOperationError: (400, "UnknownOperationException"),
    }
)
_INTERNAL: Final = (500, "InternalServiceException")
_INTERNAL_SENTENCE: Final = "The orchestrator failed to answer this call; its log says why."
_FULL_SENTENCE: Final = "The disk is full: nothing was stored, and the same call may succeed later."


def name_of(error: BaseException) -> str:
    """Return the name by which Glue's clients know `error`, as BatchStopJobRun's ErrorCode has it too."""
    return _status_and_name(error)[1]


def to_wire(error: BaseException) -> WireError:
    """Return the answer to a call that ended in `error`.

    What is not the caller's error becomes Glue's InternalServiceException and tells nothing of its inside.
    """
    status, name = found = _status_and_name(error)
    sentence = str(error)
    if found == _INTERNAL:
        sentence = _FULL_SENTENCE if isinstance(error, StoreFullError) else _INTERNAL_SENTENCE
    body = json.dumps({"__type": name, "Message": sentence}, ensure_ascii=False)
    return WireError(status=status, name=name, body=without_surrogates(body).encode())


def _status_and_name(error: BaseException) -> tuple[int, str]:
    for ancestor in type(error).__mro__:
        if ancestor in NAMES:
            return NAMES[ancestor]
    return _INTERNAL

"""Which operation a request asks for."""

from typing import Final

from orchestrator.wire.errors import MissingTargetError, UnknownOperationError
from orchestrator.wire.shapes import REQUESTS

TARGET_PREFIX: Final = "AWSGlue"
CONTENT_TYPE: Final = "application/x-amz-json-1.1"


def operation_of(target_header: str | None) -> str:
    """Return the operation that the header X-Amz-Target names, as a key of `shapes.REQUESTS`.

    Raises:
        MissingTargetError: no header, or an empty one.
        UnknownOperationError: another service's operation, or one that this orchestrator does not have.
    """
    if not target_header:
        raise MissingTargetError
    prefix, _, operation = target_header.partition(".")
    if prefix != TARGET_PREFIX:
        raise UnknownOperationError(target_header)
    if operation not in REQUESTS:
        raise UnknownOperationError(operation)
    return operation

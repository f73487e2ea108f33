"""Which operation of CloudWatch Logs a request asks for."""

from typing import Final, TypeGuard

from orchestrator.wire.errors import UnknownOperationError
from orchestrator.wire.logs_shapes import REQUESTS

TARGET_PREFIX: Final = "Logs_20140328."


def is_for_logs(target_header: str | None) -> TypeGuard[str]:
    """Say whether the header X-Amz-Target names an operation of CloudWatch Logs."""
    return target_header is not None and target_header.startswith(TARGET_PREFIX)


def operation_of(target_header: str) -> str:
    """Return the operation that the header X-Amz-Target names, as a key of `logs_shapes.REQUESTS`.

    Raises:
        UnknownOperationError: an operation that this orchestrator does not have.
    """
    operation = target_header.removeprefix(TARGET_PREFIX)
    if operation not in REQUESTS:
        raise UnknownOperationError(operation)
    return operation

"""Which action of our own a request asks for."""

from typing import Final, TypeGuard

from orchestrator.wire.errors import UnknownOperationError
from orchestrator.wire.own_shapes import REQUESTS

TARGET_PREFIX: Final = "Orchestrator."


def is_own(target_header: str | None) -> TypeGuard[str]:
    """Say whether the header X-Amz-Target names an action of ours."""
    return target_header is not None and target_header.startswith(TARGET_PREFIX)


def operation_of(target_header: str) -> str:
    """Return the action that the header X-Amz-Target names, as a key of `own_shapes.REQUESTS`.

    Raises:
        UnknownOperationError: one that this orchestrator does not have.
    """
    operation = target_header.removeprefix(TARGET_PREFIX)
    if operation not in REQUESTS:
        raise UnknownOperationError(target_header)
    return operation

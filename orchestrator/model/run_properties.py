"""The properties of a workflow run: how large they may be. Pure."""

from collections.abc import Mapping
from typing import Final

from orchestrator.model.errors import InvalidInputError

MAX_TOTAL_BYTES: Final = 260 * 1024
"""As much as the arguments of a job run may have; Glue names no limit of its own."""


def check(properties: Mapping[str, str] | None, member: str) -> None:
    """Refuse a map that is too large.

    Raises:
        InvalidInputError: names the member, its size and the limit.
    """
    total = sum(len(key.encode()) + len(value.encode()) for key, value in (properties or {}).items())
    if total > MAX_TOTAL_BYTES:
        sentence = f"Request size limit exceeded: {member} has {total} bytes in all, {MAX_TOTAL_BYTES} is the limit."
        raise InvalidInputError(sentence)

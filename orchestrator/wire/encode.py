"""From a response to the bytes of its body."""

import json

from pydantic_core import PydanticSerializationError

from orchestrator.wire.shape import Shape
from orchestrator.wire.text import without_surrogates


def encode(response: Shape) -> bytes:
    """Return `response` as Glue spells it: members that are None are left out, empty lists and maps are not.

    A lone surrogate in a text (a file name in an error message, say) becomes U+FFFD: an answer is always UTF-8.
    """
    try:
        return response.model_dump_json(exclude_none=True).encode()
    except PydanticSerializationError:
        members = response.model_dump(exclude_none=True)
        return without_surrogates(json.dumps(members, ensure_ascii=False, separators=(",", ":"))).encode()


def seconds(epoch_ms: int) -> float:
    """Return a time as Glue writes it: epoch seconds with the milliseconds as fraction."""
    return epoch_ms / 1000

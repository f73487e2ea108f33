"""One call, one effect: an SDK that re-sends a call under the same id means the same call."""

from orchestrator.model.errors import InvalidInputError
from orchestrator.model.records import Invocation


def check_same(known_request: bytes, invocation: Invocation) -> None:
    """Refuse an id that came before with another request.

    Raises:
        InvalidInputError: it did.
    """
    if known_request != invocation.request_digest:
        sentence = "The header amz-sdk-invocation-id was used before with another request."
        raise InvalidInputError(sentence)

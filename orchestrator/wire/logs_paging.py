"""The token of FilterLogEvents: how far each stream that may still say something has been read.

Streams that have ended and were read whole need no place in it: their launches lie at or below `after_seq`, and they are
not open. Nor do runs that wait: their launches are still to come.
"""

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from orchestrator.model.log_errors import LogParameterError
from orchestrator.wire.shape import LONG_MAX
from orchestrator.wire.text import shown

MAX_OPEN: Final = 1000
_VERSION: Final = 1
_PREFIX: Final = "e/"  # nothing that botocore's paginator could take for a token of its own
_MAX_CHARACTERS: Final = 128 * 1024


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a group of streams: all runs launched up to `after_seq` were begun, and `open` is what is left of them."""

    after_seq: int = 0
    open: Mapping[int, int] = field(default_factory=dict)  # by the run's seq, the offset of its next event


def encode_cursor(cursor: Cursor, scope: str) -> str:
    """Return the token for `cursor` in the selection of streams that `scope` describes."""
    digest = hashlib.blake2b(scope.encode(errors="surrogatepass"), digest_size=6).hexdigest()
    text = json.dumps([_VERSION, digest, cursor.after_seq, *cursor.open.items()], separators=(",", ":"))
    return _PREFIX + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_cursor(token: str | None, scope: str) -> Cursor:
    """Return the cursor in `token`; the beginning where there is none.

    Raises:
        LogParameterError: not a token that `encode_cursor` gave out for this selection.
    """
    if token is None:
        return Cursor()
    cursor = _cursor_in(token) if len(token) <= _MAX_CHARACTERS else None
    if cursor is None or encode_cursor(cursor, scope) != token:
        raise LogParameterError(f"The specified nextToken is invalid: '{shown(token)}'.")
    return cursor


def _cursor_in(token: str) -> Cursor | None:
    encoded = token.removeprefix(_PREFIX)
    try:
        _, _, after_seq, *opened = json.loads(
            base64.urlsafe_b64decode(encoded.encode("ascii") + b"=" * (-len(encoded) % 4))
        )
        cursor = Cursor(after_seq, {seq: offset for seq, offset in opened})  # noqa: C416 - it also checks that they are pairs
    except (ValueError, TypeError, RecursionError):
        return None
    numbers = [cursor.after_seq, *cursor.open.keys(), *cursor.open.values()]
    is_sound = all(type(number) is int and 0 <= number <= LONG_MAX for number in numbers)
    return cursor if is_sound and len(cursor.open) <= 2 * MAX_OPEN else None

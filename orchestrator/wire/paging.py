"""Tokens that say where the next page of a listing begins.

A token holds the last key that was given out (a keyset), not a count, so rows that come or go between two pages
neither repeat nor hide others. It names its listing and scope, so it is of no use in another one.
"""

import base64
import hashlib
import json
from typing import Final, TypeVar

from orchestrator.model.errors import InvalidInputError
from orchestrator.wire.shape import LONG_MAX, LONG_MIN
from orchestrator.wire.text import shown

_VERSION: Final = 1
_MAX_CHARACTERS: Final = 4096
_Key = TypeVar("_Key", int, str)


def encode_token(kind: str, key: int | str, scope: str = "") -> str:
    """Return the token for the page behind `key` of the listing `kind` within `scope` (a job's name, a filter)."""
    digest = hashlib.blake2b(scope.encode(errors="surrogatepass"), digest_size=6).hexdigest()
    text = json.dumps([_VERSION, kind, digest, key], ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str | None, kind: str, key_type: type[_Key], scope: str = "") -> _Key | None:
    """Return the key in `token`; None where there is no token, or an empty one: the first page.

    Raises:
        InvalidInputError: not a token that `encode_token` gave out for this listing and scope.
    """
    if not token:
        return None
    key = _key_in(token) if len(token) <= _MAX_CHARACTERS else None
    if isinstance(key, bool) or not isinstance(key, key_type) or not _was_given_out(token, kind, key, scope):
        sentence = f"NextToken '{shown(token)}' is not a token of this listing."
        raise InvalidInputError(sentence)
    return key


def _key_in(token: str) -> object:
    try:
        parts = json.loads(base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)))
    except (ValueError, RecursionError):
        return None
    return parts[-1] if isinstance(parts, list) and parts else None


def _was_given_out(token: str, kind: str, key: int | str, scope: str) -> bool:
    if isinstance(key, int) and not LONG_MIN <= key <= LONG_MAX:  # no row has such a key
        return False
    try:
        return encode_token(kind, key, scope) == token
    except UnicodeEncodeError:  # a lone surrogate
        return False

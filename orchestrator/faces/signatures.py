"""Whether a request is signed with one of our keys, lately, and as it is. What is refused is told in AWS's names.

No key, no signature and no header of a caller is ever in a sentence: sentences are logged.
"""

import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from orchestrator.faces.sigv4 import ALGORITHM, DATE_FORMAT, TERMINATOR, AccessKey, Request, Scope, signature
from orchestrator.wire.errors import (
    IncompleteSignatureError,
    InvalidSignatureError,
    MissingSignatureError,
    UnrecognizedClientError,
)

SKEW: Final = timedelta(minutes=15)
SERVICES: Final = frozenset({"glue", "logs", "sts", "iam"})
_ALWAYS_SIGNED: Final = frozenset({"host", "x-amz-date"})
_PART: Final = re.compile(r"(Credential|SignedHeaders|Signature)=([^\s,]+)")


def check(request: Request, keys: Mapping[str, AccessKey], now: datetime) -> None:
    """Return if the request is signed.

    Raises:
        MissingSignatureError: it is not signed at all.
        IncompleteSignatureError: the signature lacks a part, or one cannot be read.
        UnrecognizedClientError: the key is none of ours.
        InvalidSignatureError: the signature is another request's, or of another time.
    """
    told = _one(request, "authorization")
    if told is None:
        raise MissingSignatureError
    if not told.startswith(f"{ALGORITHM} "):
        raise IncompleteSignatureError.algorithm(ALGORITHM)
    parts = dict(_PART.findall(told))
    for name in ("Credential", "SignedHeaders", "Signature"):
        if name not in parts:
            raise IncompleteSignatureError.part(name)
    at = _one(request, "x-amz-date")
    if at is None:
        raise IncompleteSignatureError.part("X-Amz-Date")
    key_id, scope = _scope(parts["Credential"], at)
    _check_time(at, now)
    signed = parts["SignedHeaders"].split(";")
    wanted = _ALWAYS_SIGNED | {name for name, _ in request.headers if name.startswith("x-amz-")}
    if not wanted <= set(signed):
        raise InvalidSignatureError.unsigned(min(wanted - set(signed)))
    if key_id not in keys:
        raise UnrecognizedClientError
    made = signature(request, signed, secret=keys[key_id].secret, scope=scope, at=at)
    if not hmac.compare_digest(made.encode(), parts["Signature"].encode("utf-8", "replace")):
        raise InvalidSignatureError.mismatch()


def _one(request: Request, wanted: str) -> str | None:
    found = [value for name, value in request.headers if name == wanted]
    return found[0] if len(found) == 1 else None


def _scope(credential: str, at: str) -> tuple[str, Scope]:
    key_id, *rest = credential.split("/")
    if len(rest) != 4:
        raise IncompleteSignatureError.part("Credential")
    date, region, service, terminator = rest
    if date != at[:8] or service not in SERVICES or terminator != TERMINATOR:
        raise InvalidSignatureError.scope()
    return key_id, Scope(date=date, region=region, service=service)


def _check_time(at: str, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(at, DATE_FORMAT).replace(tzinfo=UTC)
    except ValueError:
        raise IncompleteSignatureError.part("X-Amz-Date") from None
    told, here = signed_at.strftime(DATE_FORMAT), now.strftime(DATE_FORMAT)
    if signed_at < now - SKEW:
        raise InvalidSignatureError.expired(told, (now - SKEW).strftime(DATE_FORMAT), here)
    if signed_at > now + SKEW:
        raise InvalidSignatureError.early(told, (now + SKEW).strftime(DATE_FORMAT), here)

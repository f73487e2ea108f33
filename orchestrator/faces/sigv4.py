"""AWS Signature Version 4, of a whole request in its headers: what both who signs and who checks compute.

The standard library only, because the command line signs, too. Source: the AWS General Reference, "Create a signed AWS
API request".
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote

ALGORITHM: Final = "AWS4-HMAC-SHA256"
TERMINATOR: Final = "aws4_request"
DATE_FORMAT: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A key's two halves; the secret one is in no repr, so in no log and no trace."""

    id: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What of a request is signed. Path and query are as they are sent, with their escapes."""

    method: str
    path: str
    query: str
    headers: Sequence[tuple[str, str]]  # names in lower case
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """What a signature is good for."""

    date: str
    region: str
    service: str

    def __str__(self) -> str:
        """Return it as it is signed."""
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


def signature(request: Request, signed: Iterable[str], *, secret: str, scope: Scope, at: str) -> str:
    """Return the signature of `request` with its headers `signed`, in that order, at a time in DATE_FORMAT."""
    canonical = _canonical(request, tuple(signed))
    text = "\n".join([ALGORITHM, at, str(scope), hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, TERMINATOR):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def authorization(request: Request, *, key: AccessKey, region: str, service: str, at: str) -> str:
    """Return the header Authorization for a request, all of whose headers are signed."""
    scope = Scope(date=at[:8], region=region, service=service)
    signed = sorted({name for name, _ in request.headers})
    made = signature(request, signed, secret=key.secret, scope=scope, at=at)
    return f"{ALGORITHM} Credential={key.id}/{scope}, SignedHeaders={';'.join(signed)}, Signature={made}"


def _canonical(request: Request, signed: tuple[str, ...]) -> str:
    headers = [
        f"{name}:{','.join(' '.join(value.split()) for one, value in request.headers if one == name)}\n"
        for name in signed
    ]
    pairs = [pair.partition("=")[::2] for pair in request.query.split("&") if pair]
    return "\n".join(
        [
            request.method,
            quote(request.path, safe="/~"),
            "&".join(f"{name}={value}" for name, value in sorted(pairs)),
            "".join(headers),
            ";".join(signed),
            hashlib.sha256(request.body).hexdigest(),
        ]
    )

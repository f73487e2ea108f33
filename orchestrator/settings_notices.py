"""The settings of one outlet of notices, [notices.<name>]: where it sends, and what."""

import base64
import binascii
import re
from typing import Annotated, Final, Literal, Self
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

_SECRET_BYTES: Final = range(24, 65)
_PREFIX: Final = "whsec_"
State = Literal["SUCCEEDED", "FAILED", "TIMEOUT", "STOPPED", "STARTING", "RUNNING", "STOPPING"]
"""The last three are those of a run that takes longer than its NotifyDelayAfter."""


def address(url: str) -> SplitResult:
    """Return the parts of a webhook's address.

    Raises:
        ValueError: it is none; the sentence shows nothing of it.
    """
    if not re.fullmatch(r"https?://[!-~]+", url):
        message = "a webhook is http://… or https://… in visible ASCII characters"
        raise ValueError(message)
    problem = "a webhook needs a host, and its port is a number up to 65535"
    try:
        parts = urlsplit(url)
        is_usable = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise ValueError(problem) from None
    if not is_usable:
        raise ValueError(problem)
    if "@" in parts.netloc or "#" in url:
        message = "a webhook has neither a user nor a fragment (#)"
        raise ValueError(message)
    return parts


def signing_keys(text: str) -> tuple[bytes, ...]:
    """Return the keys of a webhook's secrets, of which there may be several, with spaces or lines between.

    Raises:
        ValueError: one is no secret of Standard Webhooks; the sentence shows nothing of it.
    """
    return tuple(_signing_key(one) for one in text.split())


def _signing_key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(_PREFIX) or len(key) not in _SECRET_BYTES:
        message = f"it must be {_PREFIX} and 24 to 64 bytes in base64; `openssl rand -base64 32` makes some"
        raise ValueError(message)
    return key


def _checked_address(url: str) -> str:
    address(url)
    return url


def _checked_secret(secret: SecretStr) -> SecretStr:
    signing_keys(secret.get_secret_value())
    return secret


def _checked_command(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv or any("\0" in word for word in argv):
        message = "a command is a list of words, the first of which is the program"
        raise ValueError(message)
    if not argv[0] or ("/" in argv[0] and not argv[0].startswith("/")):
        message = "the program of a command is an absolute path, or a name on the PATH"
        raise ValueError(message)
    return argv


class Outlet(BaseModel):
    """One outlet: exactly one of `webhook`, `command` and `file`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    webhook: Annotated[str, AfterValidator(_checked_address)] | None = None
    secret: Annotated[SecretStr, AfterValidator(_checked_secret)] | None = None
    secret_file: Annotated[str, Field(min_length=1)] | None = None
    command: Annotated[tuple[str, ...], AfterValidator(_checked_command)] | None = None
    file: Annotated[str, Field(min_length=1)] | None = None
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 10
    jobs: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    states: tuple[State, ...] = ()

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        if sum(one is not None for one in (self.webhook, self.command, self.file)) != 1:
            message = "it must have exactly one of webhook, command and file"
            raise ValueError(message)
        if self.webhook is None and (self.secret or self.secret_file):
            message = "only a webhook is signed with a secret"
            raise ValueError(message)
        if self.secret and self.secret_file:
            message = "it has a secret and a secret_file; one must go"
            raise ValueError(message)
        return self


Outlets = dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")], Outlet]

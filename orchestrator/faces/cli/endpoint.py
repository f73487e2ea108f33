"""Where the daemon answers, and how a connection to it is made."""

import http.client
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from orchestrator.faces import unix_socket
from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.exit_codes import ExitCode

ANSWER_TIMEOUT_S: Final = 30.0
"""How long the daemon may take beyond what a long poll asked for."""
UNIX: Final = "unix:"
"""Begins the address of a Unix socket; its path follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """Where the daemon answers."""

    url: str
    origin: str  # for people: which option, variable or file said so
    is_explicit: bool  # named by an endpoint option or variable, so that no other daemon may stand in for it


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = unix_socket.connect(self._path, self.timeout or ANSWER_TIMEOUT_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """How to get to an endpoint."""

    connection: Callable[[], http.client.HTTPConnection]
    root: str  # what begins every path there
    host: str  # as the header has it
    is_signed: bool  # whether the daemon may want signatures there


def way_to(endpoint: Endpoint) -> Way:
    """Return how to get to the endpoint.

    Raises:
        CommandError: it is no address.
    """
    if endpoint.url.startswith(UNIX):
        return Way(
            connection=partial(_UnixConnection, Path(endpoint.url.removeprefix(UNIX))),
            root="",
            host="localhost",
            is_signed=False,
        )
    parts = urlsplit(endpoint.url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:  # a port that is no number
        host, port = "", None
    if parts.scheme not in {"http", "https"} or not host:
        raise CommandError(f"{endpoint.url} (from {endpoint.origin}) is not an http address", ExitCode.USAGE)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    name = parts.netloc.rpartition("@")[2]
    return Way(connection=partial(kind, host, port), root=parts.path.rstrip("/"), host=name, is_signed=True)


def signed(way: Way, method: str, target: str, *, body: bytes | None, headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a request with a signature, if the environment has a key as the SDKs look for it."""
    key_id, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
    if not (way.is_signed and key_id and secret):
        return dict(headers)
    # Here and not above: most calls go over the Unix socket, and every import makes a command slower.
    from datetime import UTC, datetime  # noqa: PLC0415

    from orchestrator.faces import sigv4  # noqa: PLC0415

    at = datetime.now(UTC).strftime(sigv4.DATE_FORMAT)
    sent = {**headers, "Host": way.host, "X-Amz-Date": at}
    path, _, query = target.partition("?")
    named = [(name.lower(), value) for name, value in sent.items()]
    request = sigv4.Request(method=method, path=path, query=query, headers=named, body=body or b"")
    key = sigv4.AccessKey(id=key_id, secret=secret)
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return {**sent, "Authorization": sigv4.authorization(request, key=key, region=region, service="glue", at=at)}

"""Where the daemon answers, and how a connection to it is made."""

import http.client
from collections.abc import Callable
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


def way_to(endpoint: Endpoint) -> Way:
    """Return how to get to the endpoint.

    Raises:
        CommandError: it is no address.
    """
    if endpoint.url.startswith(UNIX):
        return Way(connection=partial(_UnixConnection, Path(endpoint.url.removeprefix(UNIX))), root="")
    parts = urlsplit(endpoint.url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:  # a port that is no number
        host, port = "", None
    if parts.scheme not in {"http", "https"} or not host:
        raise CommandError(f"{endpoint.url} (from {endpoint.origin}) is not an http address", ExitCode.USAGE)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return Way(connection=partial(kind, host, port), root=parts.path.rstrip("/"))

"""A stand-in daemon, and the command line in this process against it."""

import io
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result

from orchestrator.faces.cli import cli
from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.endpoint import Endpoint
from orchestrator.faces.cli.session import Session
from tests.support.daemon import free_port as a_free_port
from tests.unit.cli.stand_in import StandIn, standing_in

if TYPE_CHECKING:
    from orchestrator.settings import Settings

_VARIABLES = (
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_GLUE",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "NO_COLOR",
    "ORCHESTRATOR_CONFIG",
    "ORCHESTRATOR_HOST",
    "ORCHESTRATOR_PORT",
)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in _VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def daemon() -> Iterator[StandIn]:
    """Return a stand-in for the daemon."""
    with standing_in() as stand_in:
        yield stand_in


@pytest.fixture
def connect() -> Iterator[Callable[..., Client]]:
    """Return a function that returns a client of the daemon at an address."""
    clients: list[Client] = []

    def client_of(url: str, *, patience_s: float = 5) -> Client:
        client = Client(Endpoint(url=url, origin="a test", is_explicit=True), patience_s=patience_s)
        clients.append(client)
        return client

    yield client_of
    for client in clients:
        client.close()


@pytest.fixture
def client(daemon: StandIn, connect: Callable[..., Client]) -> Client:
    """Return a client of the stand-in."""
    return connect(daemon.url)


@pytest.fixture
def invoke(daemon: StandIn, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Return a function that runs a command against the stand-in."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_GLUE", daemon.url)

    def run(*arguments: str) -> Result:
        result = CliRunner().invoke(cli, arguments, obj=Session(serve=_not_here))
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def _not_here(settings: "Settings", *, with_parent: bool) -> int:
    raise AssertionError


class Terminal(io.TextIOWrapper):
    """A stream that says it is a terminal, and keeps what it was sent."""

    def __init__(self) -> None:
        """Start empty."""
        self._kept = io.BytesIO()
        super().__init__(self._kept, encoding="utf-8", newline="", write_through=True)

    def isatty(self) -> bool:
        """Say yes."""
        return True

    @property
    def sent(self) -> str:
        """What it was sent."""
        self.flush()
        return self._kept.getvalue().decode()


@pytest.fixture
def terminal() -> Terminal:
    """Return a terminal that keeps what it was sent."""
    return Terminal()


@pytest.fixture
def free_port() -> int:
    """Return a port of this machine at which nobody listens."""
    return a_free_port()

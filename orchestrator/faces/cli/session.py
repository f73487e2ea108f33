"""What one call of the command line was told about places: which daemon, which settings."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import click

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.endpoint import UNIX, Endpoint
from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.importing import uncollected
from orchestrator.faces.unix_socket import SOCKET_NAME, is_listened_at

if TYPE_CHECKING:
    from orchestrator.settings import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


class Serve(Protocol):
    """Run the daemon until it is told to end and return its exit code."""

    def __call__(self, settings: "Settings", *, with_parent: bool) -> int:
        """Run it; `with_parent` ends it when the process that started it ends."""


@dataclass(slots=True, kw_only=True)
class Session:
    """The options that say where things are. None: not given on the command line."""

    serve: Serve | None = None
    """How to run the daemon; it comes from above, since a face does not know the composition root."""
    endpoint_url: str | None = None
    config: Path | None = None
    state_dir: str | None = None  # as it was written: a Path would hide that it is empty
    host: str | None = None
    port: int | None = None
    jobs_dir: str | None = None
    _settings: "Settings | None" = field(default=None, init=False)

    def settings(self) -> "Settings":
        """Return the settings: defaults, then the file, then the environment, then the options given."""
        # Here and not above: it is slow to import, and a command whose endpoint is named needs none of it.
        with uncollected():
            from orchestrator.settings import SettingsError  # noqa: PLC0415
            from orchestrator.settings_sources import load  # noqa: PLC0415

        if self._settings is None:
            try:
                self._settings = load(self.config, self.flags())
            except SettingsError as error:
                raise CommandError(str(error), ExitCode.CONFIGURATION) from None
        return self._settings

    def flags(self) -> dict[str, object]:
        """Return the options that stand for settings; None: not given."""
        return {name: getattr(self, name) for name in ("state_dir", "host", "port", "jobs_dir")}

    def endpoint(self) -> Endpoint:
        """Return where the daemon answers, as options, the AWS environment or else the settings say.

        Those name a state directory: the socket in it, if a daemon listens there, is the daemon that is meant.
        """
        named = self._named()
        if named is not None:
            return named
        settings = self.settings()
        listening = self._listening_in(settings.state_dir)
        if listening is not None:
            return listening
        host = f"[{settings.own_host}]" if ":" in settings.own_host else settings.own_host
        return Endpoint(url=f"http://{host}:{settings.port}", origin="the settings", is_explicit=False)

    def endpoint_at_a_glance(self) -> Endpoint:
        """Return the same, without the settings where a daemon listens in the state directory: mistakes in them stay unseen."""
        from orchestrator.places import state_dir_at_a_glance  # noqa: PLC0415 - only a shell that asks needs it

        named = self._named()
        state_dir = None if named is not None else state_dir_at_a_glance(self.config, self.state_dir)
        listening = None if state_dir is None else self._listening_in(state_dir)
        return named or listening or self.endpoint()

    def _named(self) -> Endpoint | None:
        if self.endpoint_url is not None:
            return Endpoint(url=self.endpoint_url, origin="--endpoint-url", is_explicit=True)
        if self.host is None and self.port is None:
            heeded = os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true"
            for variable in ("AWS_ENDPOINT_URL_GLUE", "AWS_ENDPOINT_URL"):
                url = os.environ.get(variable)
                if url and heeded:
                    return Endpoint(url=url, origin=variable, is_explicit=True)
        return None

    def _listening_in(self, state_dir: Path) -> Endpoint | None:
        path = state_dir / SOCKET_NAME
        if self.host is None and self.port is None and is_listened_at(path):
            return Endpoint(url=f"{UNIX}{path}", origin="the state directory", is_explicit=False)
        return None

    def client(self, *, patience_s: float = 1.0) -> Client:
        """Return a client of the daemon, which is closed when the command ends."""
        client = Client(self.endpoint(), patience_s=patience_s)
        click.get_current_context().call_on_close(client.close)
        return client

    def as_options(self) -> list[str]:
        """Return the options that give another process the same settings."""
        names = ("config", "state_dir", "host", "port", "jobs_dir")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return [f"--{name.replace('_', '-')}={value}" for name, value in given.items()]


def _remember(context: click.Context, parameter: click.Parameter, value: object) -> None:
    if value is not None and parameter.name is not None:
        setattr(context.ensure_object(Session), parameter.name, value)


def _option(flag: str, **attributes: Any) -> Callable[[_Command], _Command]:
    return click.option(flag, expose_value=False, callback=_remember, **attributes)


endpoint_option = _option(
    "--endpoint-url",
    metavar="URL",
    help="The daemon's address; else AWS_ENDPOINT_URL_GLUE, AWS_ENDPOINT_URL, settings.",
)

_ADDRESS = [
    _option("--host", help="The address the daemon listens at [127.0.0.1]."),
    _option("--port", type=click.IntRange(0, 65535), help="The port the daemon listens at [4583]."),
]
_PLACES = [
    _option("--config", type=click.Path(path_type=Path), help="The settings file [config/orchestrator.toml]."),
    _option("--state-dir", type=click.Path(), help="Where the daemon keeps its state."),
    *_ADDRESS,
    _option("--jobs-dir", type=click.Path(), help="The folder of the jobs [jobs]."),
]


def endpoint_options(command: _Command) -> _Command:
    """Give `command` the options that say where the daemon answers."""
    for option in reversed([endpoint_option, *_ADDRESS]):
        command = option(command)
    return command


def place_options(command: _Command) -> _Command:
    """Give `command` the options that stand for settings."""
    for option in reversed(_PLACES):
        command = option(command)
    return command

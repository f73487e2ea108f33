"""Where notices go: a webhook, a command, a file. Made from the settings."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.executors import users
from orchestrator.faces import kept
from orchestrator.faces.notices.command import CommandOutlet
from orchestrator.faces.notices.file import FileOutlet
from orchestrator.faces.notices.webhook import WebhookOutlet
from orchestrator.model.errors import LaunchError
from orchestrator.model.notices import Wanted
from orchestrator.operations.send_notices import Outlet
from orchestrator.settings import Mistake, Settings, SettingsError
from orchestrator.settings_notices import Outlet as OutletSettings
from orchestrator.settings_notices import signing_keys


def load(settings: Settings) -> Sequence[Outlet]:
    """Return the outlets of the settings.

    Raises:
        SettingsError: a file that they name holds no secrets, or the path of a file cannot be made out.
    """
    outlets: list[Outlet] = []
    mistakes: list[Mistake] = []
    for name, one in settings.notices.items():
        try:
            outlets.append(_outlet(name, one, settings))
        except ValueError as error:
            mistakes.append(Mistake("", None, f"notices.{name}: {error}"))
    if mistakes:
        raise SettingsError(*mistakes)
    return outlets


def missing_on_machine(settings: Settings) -> Iterator[Mistake]:
    """Find what the outlets need and is not here."""
    for name, one in settings.notices.items():
        if one.command is not None:
            if shutil.which(one.command[0], path=settings.path) is None:
                yield Mistake("", None, f"notices.{name}.command: there is no program {one.command[0]}")
            try:
                users.for_run(settings.runs.run_as, is_root_allowed=settings.runs.allow_root)
            except LaunchError as error:
                yield Mistake("", None, f"notices.{name}.command: {error}")
        if one.file is not None:
            with suppress(ValueError):  # told by `load`
                if not _absolute(one.file).parent.is_dir():
                    yield Mistake("", None, f"notices.{name}.file: its directory does not exist")


def _outlet(name: str, one: OutletSettings, settings: Settings) -> Outlet:
    wanted = Wanted(jobs=one.jobs, states=one.states)
    if one.webhook is not None:
        return WebhookOutlet(name, wanted, one.webhook, _keys(one), timeout_s=one.timeout_s)
    if one.file is not None:
        return FileOutlet(name, wanted, _absolute(one.file))
    return CommandOutlet(
        name,
        wanted,
        one.command or (),
        path=settings.path,
        run_as=settings.runs.run_as,
        is_root_allowed=settings.runs.allow_root,
        timeout_s=one.timeout_s,
    )


def _keys(one: OutletSettings) -> Sequence[bytes]:
    if one.secret is not None:
        return signing_keys(one.secret.get_secret_value())
    if one.secret_file is None:
        return ()
    path = _absolute(one.secret_file)
    problem = "it holds no secret"
    try:
        keys = signing_keys(kept.read(path, "a file of secrets"))
    except UnicodeError:  # whose text would show some of the file's
        problem = "it is no text"
    except ValueError as error:
        problem = str(error)
    except OSError as error:
        problem = error.strerror or "it cannot be read"
    else:
        if keys:
            return keys
    message = f"its secrets in {os.fspath(path)}: {problem}"
    raise ValueError(message)


def _absolute(path: str) -> Path:
    try:
        return Path(path).expanduser().absolute()
    except RuntimeError:
        message = f"there is no home directory for {Path(path).parts[0]}"
        raise ValueError(message) from None

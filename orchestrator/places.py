"""Where the settings file and the state directory are, as far as that can be told without pydantic, which is slow to import."""

import os
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Final

DEFAULT_CONFIG: Final = Path("config/orchestrator.toml")
_STATE_DIR: Final = "ORCHESTRATOR_STATE_DIR"


def default_state_dir() -> Path:
    """Return the state directory where no setting names one."""
    by_systemd = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if by_systemd:
        return Path(by_systemd)
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(os.path.expanduser(base)) / "orchestrator"  # noqa: PTH111 - which leaves the home of nobody as it stands


def state_dir_at_a_glance(config: Path | None, flag: str | None) -> Path | None:
    """Return the state directory that the settings would name, made absolute; None: they have to be asked.

    `config` is the file and `flag` the state directory of the command line. No other setting is looked at, so mistakes
    elsewhere stay unseen.
    """
    with suppress(OSError, ValueError, RuntimeError, RecursionError):
        named = flag if flag is not None else _of_environment()
        found: object = _of_file(config) if named is None else named
        if isinstance(found, str | Path) and found != "":
            return Path(found).expanduser().absolute()
    return None


def _of_environment() -> str | None:
    """Return the variable's value, however its name is written: pydantic does not mind."""
    return {name.upper(): value for name, value in os.environ.items()}.get(_STATE_DIR)


def _of_file(config: Path | None) -> object:
    path = config or Path(os.environ.get("ORCHESTRATOR_CONFIG") or DEFAULT_CONFIG)
    if path == DEFAULT_CONFIG and not path.is_file():
        return default_state_dir()
    return tomllib.loads(path.read_text(encoding="utf-8")).get("state_dir", default_state_dir())

"""Every setting, with its default: defaults < the TOML file < the environment (`ORCHESTRATOR_…`) < flags.

A missing file is no error. `config/orchestrator.toml` shows every setting at its default, and a test compares.
"""

import os
import sys
import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

DEFAULT_CONFIG: Final = Path("config/orchestrator.toml")
_MIN_PROCESSES: Final = 8
_PROCESSES_PER_CORE: Final = 2


class SettingsError(Exception):
    """The settings cannot be used; the sentence names the file or variable, and the line where there is one."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Capacity(_Section):
    """What may run at once."""

    dpus: Annotated[float, Field(gt=0, le=1_000_000)] = 100
    max_processes: Annotated[int, Field(ge=1)] = max(_MIN_PROCESSES, _PROCESSES_PER_CORE * (os.cpu_count() or 1))
    order: Literal["fifo", "backfill"] = "fifo"


class Runs(_Section):
    """How runs are stopped, and what is kept of their output."""

    stop_grace_s: Annotated[float, Field(ge=0, le=3600)] = 10
    log_limit_bytes: Annotated[int, Field(ge=0)] = 64 * 1024 * 1024


class Access(_Section):
    """Who may call."""

    peer: Literal["owner", "any"] = "owner"
    hosts: tuple[str, ...] = ()
    max_body_bytes: Annotated[int, Field(ge=1024)] = 1024 * 1024


def _default_state_dir() -> Path:
    by_systemd = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if by_systemd:
        return Path(by_systemd)
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "orchestrator"


class Settings(BaseSettings):
    """The settings of one daemon."""

    model_config = SettingsConfigDict(
        env_prefix="ORCHESTRATOR_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    state_dir: Path = Field(default_factory=_default_state_dir)
    jobs_dir: Path = Path("jobs")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 4583
    region: str = "us-east-1"
    python: str = sys.executable
    pythons: dict[str, str] = {}
    path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    environment: dict[str, str] = {}
    operation_timeout_s: Annotated[float, Field(gt=0, le=600)] = 20
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    capacity: Capacity = Capacity()
    runs: Runs = Runs()
    access: Access = Access()

    @field_validator("host")
    @classmethod
    def _is_loopback(cls, host: str) -> str:
        """Refuse to listen where others can reach: whoever may call may start processes."""
        if host == "localhost" or ip_address(host).is_loopback:
            return host
        message = "only a loopback address (127.0.0.1, ::1, localhost) can be listened on"
        raise ValueError(message)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the flags above the environment, and the file below it."""
        del dotenv_settings, file_secret_settings
        toml = TomlConfigSettingsSource(settings_cls, toml_file=settings_cls.model_config.get("toml_file"))
        return init_settings, env_settings, toml


def load(config: Path | None, flags: Mapping[str, object]) -> Settings:
    """Return the settings; `flags` that are None were not given.

    Raises:
        SettingsError: a file that was named does not exist, or a value is not allowed.
    """
    path = _config_path(config)
    given: dict[str, Any] = {name: value for name, value in flags.items() if value is not None}
    try:
        if path is not None:
            tomllib.loads(path.read_text(encoding="utf-8"))

        class FromFile(Settings):
            model_config = SettingsConfigDict(toml_file=path)

        loaded = FromFile(**given)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        message = f"{path}: {error}"
        raise SettingsError(message) from None
    except ValidationError as error:
        raise SettingsError(_explained(error, path, given)) from None
    except ValueError as error:  # a variable that should hold JSON, and does not
        raise SettingsError(str(error)) from None
    return _anchored(loaded)


def _config_path(config: Path | None) -> Path | None:
    if config is not None:
        if not config.is_file():
            message = f"{config}: no such file"
            raise SettingsError(message)
        return config
    named = os.environ.get("ORCHESTRATOR_CONFIG")
    if named:
        return _config_path(Path(named))
    return DEFAULT_CONFIG if DEFAULT_CONFIG.is_file() else None


def _anchored(settings: Settings) -> Settings:
    """Make the paths absolute, so that nothing depends on where the daemon was started."""
    return settings.model_copy(
        update={
            "state_dir": settings.state_dir.expanduser().absolute(),
            "jobs_dir": settings.jobs_dir.expanduser().absolute(),
        }
    )


def _explained(error: ValidationError, path: Path | None, flags: Mapping[str, object]) -> str:
    sentences = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        origin = _origin([str(part) for part in problem["loc"]], path, flags)
        sentences.append(f"{origin}{name}: {problem['msg']}")
    return "; ".join(sentences)


def _origin(names: list[str], path: Path | None, flags: Mapping[str, object]) -> str:
    """Return the strongest place that gives the setting: a flag, a variable (of it, or of its section), or the file."""
    if names[0] in flags:
        return f"--{names[0].replace('_', '-')}: "
    for count in range(len(names), 0, -1):
        variable = "ORCHESTRATOR_" + "__".join(names[:count]).upper()
        if variable in os.environ:
            return f"${variable}: "
    line = _line_of(names, path) if path is not None else None
    return f"{path}:{line}: " if line is not None else ""


def _line_of(names: list[str], path: Path) -> int | None:
    """Return the line that sets the value, or else what it is a part of."""
    section = ""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        text = line.strip()
        if text.startswith("["):
            section = text.strip("[] ")
            if section == ".".join(names):
                return number
        elif text.partition("=")[0].strip(" \"'") == names[-1] and section == ".".join(names[:-1]):
            return number
    return _line_of(names[:-1], path) if len(names) > 1 else None

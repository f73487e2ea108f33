"""Every setting, with its default: defaults < the TOML file < the environment (`ORCHESTRATOR_…`) < flags.

A missing file is no error. `config/orchestrator.toml` shows every setting at its default, and a test compares.
"""

import json
import os
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from orchestrator.model.policy import CatchUp, OnBusy

DEFAULT_CONFIG: Final = Path("config/orchestrator.toml")
_MIN_PROCESSES: Final = 8
_PROCESSES_PER_CORE: Final = 2


_TOML_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")
_FIELD_OF_JSON: Final = re.compile(r'^error parsing value for field "(\w+)"')
_VARIABLES: Final = "ORCHESTRATOR_"
_OTHER_VARIABLES: Final = frozenset(
    {"ORCHESTRATOR_CONFIG", "ORCHESTRATOR_CRASH_AT", "ORCHESTRATOR_CRASH_LOG", "ORCHESTRATOR_TESTS_NO_SKIP"}
)
"""Those that are no settings: where the file is, and what our own tests say."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong with a setting, and the place that has it: a file, `$VARIABLE` or `--flag`."""

    place: str  # empty: nowhere in particular
    line: int | None
    message: str

    def __str__(self) -> str:
        """Return the sentence."""
        line = "" if self.line is None else f"{self.line}:"
        return f"{self.place}:{line} {self.message}" if self.place else self.message


class SettingsError(Exception):
    """The settings cannot be used; the sentence names the file or variable, and the line where there is one."""

    def __init__(self, *mistakes: Mistake) -> None:
        """Keep all that is wrong."""
        super().__init__("; ".join(map(str, mistakes)))
        self.mistakes = mistakes


def _usable(path: object) -> object:
    """Refuse an empty path, which would mean wherever the daemon was started, and one in the home of nobody."""
    if path == "":
        message = "it is empty; name a path (. is the current directory)"
        raise ValueError(message)
    if isinstance(path, str | Path):
        try:
            Path(path).expanduser()
        except RuntimeError:
            message = f"there is no home directory for {Path(path).parts[0]}"
            raise ValueError(message) from None
    return path


_Place = Annotated[Path, BeforeValidator(_usable)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Capacity(_Section):
    """What may run at once."""

    dpus: Annotated[float, Field(gt=0, le=1_000_000)] = 100
    max_processes: Annotated[int, Field(ge=1)] = max(_MIN_PROCESSES, _PROCESSES_PER_CORE * (os.cpu_count() or 1))
    order: Literal["fifo", "backfill"] = "fifo"
    max_queued: Annotated[int, Field(ge=1)] = 100_000


class Runs(_Section):
    """How runs are stopped, and what is kept of their output."""

    stop_grace_s: Annotated[float, Field(ge=0, le=3600)] = 10
    log_limit_bytes: Annotated[int, Field(ge=0)] = 64 * 1024 * 1024
    run_as: str = ""
    allow_root: bool = False
    script_roots: tuple[_Place, ...] = ()


class Limits(_Section):
    """What the processes of one run may use together, as far as the kernel can be asked to hold it; 0: no limit."""

    memory_bytes_per_dpu: Annotated[int, Field(ge=0)] = 0
    processes: Annotated[int, Field(ge=0)] = 4096
    cgroup: Annotated[str, Field(pattern=r"^(auto|delegated|off|/.+)$")] = "auto"


class Triggers(_Section):
    """How triggers behave where Glue leaves no choice, or where its choice is not the best one."""

    on_busy: OnBusy = "queue"
    catch_up: CatchUp = "none"
    fire_on_manual_runs: bool = False
    strict_schedules: bool = False


class Retries(_Section):
    """The pause before an automatic retry: the first, and how it grows."""

    first_delay_s: Annotated[float, Field(ge=0, le=86_400)] = 1
    factor: Annotated[float, Field(ge=1, le=100)] = 2
    longest_delay_s: Annotated[float, Field(ge=0, le=86_400)] = 300


class Runtime(_Section):
    """An interpreter with modules that it has imported before its scripts come."""

    python: str = ""  # an interpreter or the directory of a virtual environment; empty: the setting `python`
    preload: tuple[Annotated[str, Field(pattern=r"^[^\W\d]\w*(\.[^\W\d]\w*)*$")], ...] = ()


class Retention(_Section):
    """What is kept of runs that have ended, and for how long; 0: all, for ever."""

    days: Annotated[int, Field(ge=0, le=36_500)] = 365
    log_bytes: Annotated[int, Field(ge=0)] = 0


class Access(_Section):
    """Who may call."""

    peer: Literal["owner", "any"] = "owner"
    hosts: tuple[Annotated[str, Field(pattern=r"^([^\s:/]+|\[[0-9a-fA-F:.]+\])$")], ...] = ()
    keys_file: str = ""
    allow_remote: bool = False
    redact: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    max_body_bytes: Annotated[int, Field(ge=1024)] = 1024 * 1024
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 512
    header_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 10
    body_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30
    idle_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 75


def _default_state_dir() -> Path:
    by_systemd = os.environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if by_systemd:
        return Path(by_systemd)
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(os.path.expanduser(base)) / "orchestrator"  # noqa: PTH111 - which leaves the home of nobody as it stands


class Settings(BaseSettings):
    """The settings of one daemon."""

    model_config = SettingsConfigDict(
        env_prefix="ORCHESTRATOR_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    state_dir: _Place = Field(default_factory=_default_state_dir)
    jobs_dir: _Place = Path("jobs")
    triggers_file: _Place = Path("config/triggers.toml")
    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 4583
    region: str = "us-east-1"
    python: str = sys.executable
    pythons: dict[str, str] = {}
    path: str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    environment: dict[str, str] = {}
    runtimes: dict[str, Runtime] = {}
    s3: dict[str, _Place] = {}
    s3_endpoint_url: Annotated[str, Field(pattern=r"^(https?://[^/\s]+/?)?$")] = ""
    operation_timeout_s: Annotated[float, Field(gt=0, le=600)] = 20
    quick_commit_ms: Annotated[float, Field(ge=0, le=100)] = 2
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    capacity: Capacity = Capacity()
    runs: Runs = Runs()
    limits: Limits = Limits()
    triggers: Triggers = Triggers()
    retries: Retries = Retries()
    retention: Retention = Retention()
    access: Access = Access()

    @field_validator("host")
    @classmethod
    def _is_address(cls, host: str) -> str:
        """Refuse names: which address they stand for is not ours to say."""
        if host != "localhost":
            ip_address(host)
        return host

    @model_validator(mode="after")
    def _is_loopback_or_signed(self) -> Self:
        """Refuse to listen where others can reach us, unless only those with a key may call: who may, starts processes."""
        is_local = self.host == "localhost" or ip_address(self.host).is_loopback
        if is_local or (self.access.keys_file and self.access.allow_remote):
            return self
        message = (
            f"{self.host} is no loopback address (127.0.0.1, ::1, localhost); to listen there, "
            "set keys_file and allow_remote = true in [access]"
        )
        raise ValueError(message)

    @property
    def own_host(self) -> str:
        """The address at which this machine itself gets to us."""
        address = None if self.host == "localhost" else ip_address(self.host)
        if address is None or not address.is_unspecified:
            return self.host
        return "127.0.0.1" if address.version == 4 else "::1"

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
    mistakes = _unknown_variables()
    try:
        if path is not None:
            _check_toml(path)

        class FromFile(Settings):
            model_config = SettingsConfigDict(toml_file=path)

        loaded = FromFile(**given)
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise SettingsError(*mistakes, Mistake(str(path), line, str(error))) from None
    except OSError as error:
        raise SettingsError(*mistakes, Mistake(str(path), None, str(error))) from None
    except ValidationError as error:
        raise SettingsError(*mistakes, *_explained(error, path, given)) from None
    except (ValueError, RecursionError) as error:  # a variable that should hold JSON, and does not
        raise SettingsError(*mistakes, _not_json(error)) from None
    if mistakes:
        raise SettingsError(*mistakes)
    return _anchored(loaded)


def _check_toml(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # more than TOMLDecodeError: int() has a limit, and so has the stack
        told = _TOML_LINE.search(str(error))
        raise SettingsError(Mistake(str(path), int(told[1]) if told else None, str(error))) from None


def _not_json(error: Exception) -> Mistake:
    """Name the variable, where it can be told: pydantic names the section only, and none that nests too deep."""
    named = _FIELD_OF_JSON.search(str(error))
    if named is None:
        return Mistake("", None, f"one of the variables {_VARIABLES}…: {error}")
    section = f"{_VARIABLES}{named[1].upper()}"
    suspects = [
        name
        for name, value in sorted(os.environ.items())
        if (name.upper() == section or name.upper().startswith(f"{section}__")) and not _is_json(value)
    ]
    setting = named[1]
    if len(suspects) == 1:
        setting = suspects[0][len(_VARIABLES) :].lower().replace("__", ".")
    places = " or ".join(f"${name}" for name in suspects) or f"${section}"
    return Mistake(places, None, f"{setting}: it must be JSON: {error.__cause__}")


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def defaults(config: Path | None, flags: Mapping[str, object]) -> Settings:
    """Return the defaults, with the paths that were given: what the jobs can be looked at with in spite of a mistake."""

    class FromFlags(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            *others: PydanticBaseSettingsSource,
            **named: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            """Leave the environment and the file aside."""
            del settings_cls, others, named
            return (init_settings,)

    paths: dict[str, Any] = {name: flags[name] for name in ("state_dir", "jobs_dir") if _is_usable(flags.get(name))}
    return _anchored(FromFlags(**{"jobs_dir": _jobs_dir(config), **paths}))


def _jobs_dir(config: Path | None) -> Path:
    """Return where the variable or the file says that the jobs are, if either can be read so far."""
    named: object = os.environ.get("ORCHESTRATOR_JOBS_DIR")
    if named is None:
        try:
            path = _config_path(config)
            named = None if path is None else tomllib.loads(path.read_text(encoding="utf-8")).get("jobs_dir")
        except (SettingsError, OSError, ValueError):  # told already, by `load`
            named = None
    return Path(named) if isinstance(named, str) and _is_usable(named) else Path("jobs")


def _is_usable(path: object) -> bool:
    try:
        return path is not None and _usable(path) is path
    except ValueError:  # told already, by `load`
        return False


def _unknown_variables() -> list[Mistake]:
    return [
        Mistake(f"${variable}", None, "there is no such setting")
        for variable in sorted(os.environ)
        if variable.startswith(_VARIABLES) and variable not in _OTHER_VARIABLES and not _is_setting(variable)
    ]


def _is_setting(variable: str) -> bool:
    """Say whether the variable is a setting, or part of one that has parts; which parts, pydantic knows."""
    name, _, part = variable.removeprefix(_VARIABLES).lower().partition("__")
    field = Settings.model_fields.get(name)
    return field is not None and (
        not part or isinstance(field.get_default(call_default_factory=True), BaseModel | dict)
    )


def _config_path(config: Path | None) -> Path | None:
    if config is not None:
        if not config.is_file():
            raise SettingsError(Mistake(str(config), None, "no such file"))
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
            "s3": {bucket: directory.expanduser().absolute() for bucket, directory in settings.s3.items()},
            "triggers_file": settings.triggers_file.expanduser().absolute(),
            "runs": settings.runs.model_copy(
                update={"script_roots": tuple(root.expanduser().resolve() for root in settings.runs.script_roots)}
            ),
        }
    )


def _explained(error: ValidationError, path: Path | None, flags: Mapping[str, object]) -> Iterator[Mistake]:
    for problem in error.errors():
        names = [str(part) for part in problem["loc"]] or ["host"]  # the one rule about several is about this one
        place, line = _origin(names, path, flags)
        yield Mistake(place, line, f"{'.'.join(names)}: {problem['msg'].removeprefix('Value error, ')}")


def _origin(names: list[str], path: Path | None, flags: Mapping[str, object]) -> tuple[str, int | None]:
    """Return the strongest place that gives the setting: a flag, a variable (of it, or of its section), or the file."""
    if names[0] in flags:
        return f"--{names[0].replace('_', '-')}", None
    for count in range(len(names), 0, -1):
        variable = _VARIABLES + "__".join(names[:count]).upper()
        if variable in os.environ:
            return f"${variable}", None
    below = _VARIABLES + "__".join(names).upper() + "__"  # a part of what has none
    for variable in sorted(os.environ):
        if variable.upper().startswith(below):
            return f"${variable}", None
    if path is None or names[0] not in tomllib.loads(path.read_text(encoding="utf-8")):
        return "", None
    return str(path), _line_of(names, path)


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

"""Every setting, with its default: defaults < the TOML file < the environment (`ORCHESTRATOR_…`) < flags.

A missing file is no error. `config/orchestrator.toml` shows every setting at its default, and a test compares.
"""

import os
import sys
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from orchestrator.model.policy import CatchUp, OnBusy
from orchestrator.places import default_state_dir
from orchestrator.settings_notices import Outlets

_MIN_PROCESSES: Final = 8
_PROCESSES_PER_CORE: Final = 2


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


def usable(path: object) -> object:
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


_Place = Annotated[Path, BeforeValidator(usable)]


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
    allow_debug: bool = False


class Environments(_Section):
    """The environments that are made for runs with --additional-python-modules; 0: no bound."""

    enabled: bool = True
    installer: Annotated[str, Field(pattern=r"^(auto|pip|uv|/.+)$")] = "auto"
    timeout_s: Annotated[float, Field(gt=0, le=86_400)] = 900
    max_bytes: Annotated[int, Field(ge=0)] = 20 * 1024 * 1024 * 1024
    max_count: Annotated[int, Field(ge=0)] = 50
    max_idle_days: Annotated[float, Field(ge=0, le=36_500)] = 30
    index_url: str = ""
    extra_index_urls: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    find_links: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    offline: bool = False
    environment: dict[str, str] = {}


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
    open_probes: bool = False
    redact: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    max_body_bytes: Annotated[int, Field(ge=1024)] = 1024 * 1024
    max_connections: Annotated[int, Field(ge=1, le=100_000)] = 512
    header_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 10
    body_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 30
    idle_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 75


class Console(_Section):
    """The page for people."""

    enabled: bool = True
    read_only: bool = False


class Settings(BaseSettings):
    """The settings of one daemon."""

    model_config = SettingsConfigDict(
        env_prefix="ORCHESTRATOR_",
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    state_dir: _Place = Field(default_factory=default_state_dir)
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
    notices: Outlets = {}
    s3: dict[str, _Place] = {}
    s3_endpoint_url: Annotated[str, Field(pattern=r"^(https?://[^/\s]+/?)?$")] = ""
    operation_timeout_s: Annotated[float, Field(gt=0, le=600)] = 20
    quick_commit_ms: Annotated[float, Field(ge=0, le=100)] = 2
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["auto", "json", "console"] = "auto"
    capacity: Capacity = Capacity()
    runs: Runs = Runs()
    environments: Environments = Environments()
    limits: Limits = Limits()
    triggers: Triggers = Triggers()
    retries: Retries = Retries()
    retention: Retention = Retention()
    access: Access = Access()
    console: Console = Console()

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

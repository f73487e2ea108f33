"""What a run needs to have installed: its `--additional-python-modules`, with the files among them on this machine."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.model import modules
from orchestrator.model.errors import LaunchError, RequestError
from orchestrator.model.modules import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentSettings:
    """What the daemon's settings say about environments."""

    is_enabled: bool = True
    installer: str = "auto"  # auto, pip, uv, or where uv is
    timeout_s: float = 900
    max_bytes: int = 0  # 0: as many as there is room for
    max_count: int = 0
    max_idle_s: float = 0
    index_url: str = ""
    extra_index_urls: Sequence[str] = ()
    find_links: Sequence[str] = ()
    is_offline: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    path: str = ""  # of the installer


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A set of modules on top of an interpreter."""

    python: str  # the interpreter that the job has
    requirements: tuple[str, ...]  # files by their paths
    files: tuple[Path, ...]  # those whose content counts, too
    options: tuple[str, ...]
    are_lists: bool  # the files list what is required


def locations(arguments: Mapping[str, str]) -> list[str]:
    """Return those of the modules that are at an s3:// address."""
    return [one for one in modules.split(arguments.get(modules.MODULES, "")) if modules.kind(one) is Kind.S3]


def are_wanted(arguments: Mapping[str, str]) -> bool:
    """Say whether a run's arguments ask for modules."""
    return bool(modules.split(arguments.get(modules.MODULES, "")))


def wanted(arguments: Mapping[str, str], python: str, located: Callable[[str, str], Path]) -> Wanted | None:
    """Return what a run's arguments ask for, None for nothing. `located` makes a path of a location, for what it is.

    Raises:
        LaunchError: a location leads nowhere, or an argument breaks a rule of theirs.
    """
    try:
        asked = modules.wanted(arguments)
    except RequestError as error:  # stored by a version that had no such rule
        raise LaunchError(str(error)) from error
    if asked is None:
        return None
    requirements: list[str] = []
    files: list[Path] = []
    for one in asked.requirements:
        if modules.kind(one) is Kind.INDEX and not asked.are_lists:
            requirements.append(one)
            continue
        files.append(located(one, modules.MODULES))
        requirements.append(str(files[-1]))
    return Wanted(
        python=python,
        requirements=tuple(requirements),
        files=tuple(files),
        options=asked.options,
        are_lists=asked.are_lists,
    )

"""From the settings to what the executors know of all scripts, and whether this machine has it."""

import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from orchestrator.executors import users
from orchestrator.executors.modules import EnvironmentSettings
from orchestrator.executors.s3 import S3Settings
from orchestrator.executors.world import NamedRuntime, WorldSettings
from orchestrator.faces.access_keys import for_scripts
from orchestrator.faces.sigv4 import AccessKey
from orchestrator.model.errors import LaunchError
from orchestrator.settings import Mistake, Settings

_S_PER_DAY: Final = 86_400


def world_settings(
    settings: Settings, endpoint_url: str = "", keys: Mapping[str, AccessKey] | None = None
) -> WorldSettings:
    """Return what the settings say of every script's world; without an endpoint, for those who only look at it.

    Where there are `keys`, scripts of our own user have one of them to call the endpoint with.
    """
    return WorldSettings(
        jobs_dir=settings.jobs_dir,
        python=_executable(settings.python),
        pythons={version: _executable(name) for version, name in settings.pythons.items()},
        path=settings.path,
        endpoint_url=endpoint_url,
        region=settings.region,
        environment=settings.environment,
        own_environment=for_scripts(keys or {}, settings.environment),
        run_as=settings.runs.run_as,
        is_root_allowed=settings.runs.allow_root,
        script_roots=settings.runs.script_roots,
        runtimes={
            name: NamedRuntime(python=runtime.python or None, preload=tuple(runtime.preload))
            for name, runtime in settings.runtimes.items()
        },
        s3=S3Settings(directories=settings.s3, endpoint_url=settings.s3_endpoint_url, region=settings.region),
        environments=_environments(settings),
        is_debug_allowed=settings.runs.allow_debug,
    )


def _environments(settings: Settings) -> EnvironmentSettings:
    chosen = settings.environments
    return EnvironmentSettings(
        is_enabled=chosen.enabled,
        installer=chosen.installer,
        timeout_s=chosen.timeout_s,
        max_bytes=chosen.max_bytes,
        max_count=chosen.max_count,
        max_idle_s=chosen.max_idle_days * _S_PER_DAY,
        index_url=chosen.index_url,
        extra_index_urls=chosen.extra_index_urls,
        find_links=chosen.find_links,
        is_offline=chosen.offline,
        variables=chosen.environment,
        path=settings.path,
    )


def _executable(name: str) -> str:
    """Return the path of an interpreter, which scripts have elsewhere; what is not found is told when it is executed."""
    found = shutil.which(name)
    return name if found is None else str(Path(found).absolute())


def missing_on_machine(settings: Settings) -> Iterator[Mistake]:
    """Find what the settings name for all scripts and is not here."""
    if settings.runs.run_as:
        try:
            users.named(settings.runs.run_as)
        except LaunchError as error:
            yield Mistake("[runs] run_as", None, str(error))
    installer = settings.environments.installer
    if installer.startswith("/") and shutil.which(installer) is None:
        yield Mistake("[environments] installer", None, f"{installer} is not an executable file")
    for root in settings.runs.script_roots:
        if not root.is_dir():
            yield Mistake("[runs] script_roots", None, f"{root} is not a directory")

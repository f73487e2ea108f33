"""From the settings to what the executors know of all scripts, and whether this machine has it."""

from collections.abc import Iterator, Mapping

from orchestrator.executors import users
from orchestrator.executors.s3 import S3Settings
from orchestrator.executors.world import NamedRuntime, WorldSettings
from orchestrator.faces.access_keys import for_scripts
from orchestrator.faces.sigv4 import AccessKey
from orchestrator.model.errors import LaunchError
from orchestrator.settings import Mistake, Settings


def world_settings(
    settings: Settings, endpoint_url: str = "", keys: Mapping[str, AccessKey] | None = None
) -> WorldSettings:
    """Return what the settings say of every script's world; without an endpoint, for those who only look at it.

    Where there are `keys`, scripts of our own user have one of them to call the endpoint with.
    """
    return WorldSettings(
        jobs_dir=settings.jobs_dir,
        python=settings.python,
        pythons=settings.pythons,
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
    )


def missing_on_machine(settings: Settings) -> Iterator[Mistake]:
    """Find what the settings name for all scripts and is not here."""
    if settings.runs.run_as:
        try:
            users.named(settings.runs.run_as)
        except LaunchError as error:
            yield Mistake("[runs] run_as", None, str(error))
    for root in settings.runs.script_roots:
        if not root.is_dir():
            yield Mistake("[runs] script_roots", None, f"{root} is not a directory")

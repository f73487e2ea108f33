"""A script's world: its argv, its environment, its interpreter. The same wherever the script executes.

Source: design §4.3 and §4.14; glue-semantics §4.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from orchestrator.executors import modules, s3, users
from orchestrator.executors.interface import LaunchSpec
from orchestrator.executors.modules import EnvironmentSettings, Wanted
from orchestrator.executors.s3 import S3Settings
from orchestrator.executors.users import User
from orchestrator.model import arguments
from orchestrator.model.errors import LaunchError, RequestError

SCRIPT_PACKAGE: Final = Path(__file__).resolve().parent.parent / "script"
"""What every Python script can import: our awsglue look-alike and the bookmark library."""
DEBUGGED: Final = Path(__file__).resolve().parent / "local" / "debugged.py"
"""What a script is run by that waits for a debugger."""
_PYTHON_SUFFIXES: Final = frozenset({".py", ".pyz", ".zip", ".egg", ".whl"})
_LIBRARY_SUFFIXES: Final = frozenset({".zip", ".egg", ".whl"})


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedRuntime:
    """A runtime that jobs share by its name. Without `python` the interpreter is chosen as for any other job."""

    python: str | None
    preload: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldSettings:
    """What the daemon's settings say about all scripts."""

    jobs_dir: Path  # relative script locations start here
    python: str  # the interpreter where nothing else names one
    pythons: Mapping[str, str] = field(default_factory=dict)  # interpreters by Command.PythonVersion
    path: str
    endpoint_url: str
    region: str
    environment: Mapping[str, str] = field(default_factory=dict)  # further variables for every script
    own_environment: Mapping[str, str] = field(default_factory=dict)  # and for those of our own user, who may call us
    run_as: str = ""  # the user of scripts whose jobs name none; empty: the daemon's own
    is_root_allowed: bool = False
    script_roots: Sequence[Path] = ()  # where scripts may lie, resolved; empty: anywhere
    runtimes: Mapping[str, NamedRuntime] = field(default_factory=dict)
    s3: S3Settings = field(default_factory=S3Settings)
    environments: EnvironmentSettings = field(default_factory=EnvironmentSettings)
    is_debug_allowed: bool = False


@dataclass(frozen=True, slots=True)
class Runtime:
    """An interpreter that has imported modules before its scripts come: what warm starts fork from.

    The environment is what the runs of one runtime have in common.
    """

    python: str
    preload: tuple[str, ...]
    environment: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What to execute. With a runtime the script may be run by a process that is forked from it."""

    script: Path
    argv: list[str]
    environment: dict[str, str]
    fetches: list[s3.Fetch]  # to be made before it is executed
    user: User | None  # whose process it is to be, where that is not the daemon's
    runtime: Runtime | None = None
    modules: Wanted | None = None  # what has to be installed before it is executed


def needs_fetching(spec: LaunchSpec, settings: WorldSettings) -> bool:
    """Say whether the world of a run waits for the network."""
    locations = [_script_location(spec), *_library_locations(spec)]
    if settings.environments.is_enabled:
        locations += modules.locations(spec.arguments)
    return any(s3.is_fetched(location, settings.s3) for location in locations)


def needs_modules(spec: LaunchSpec, settings: WorldSettings) -> bool:
    """Say whether modules have to be installed for a run."""
    return settings.environments.is_enabled and modules.are_wanted(spec.arguments)


def build(spec: LaunchSpec, settings: WorldSettings, directory: Path, environment: Path | None = None) -> World:
    """Return the world of one run whose files are in `directory`, and whose modules are in `environment`.

    Raises:
        LaunchError: the script's location, its interpreter or its user cannot be made out.
    """
    user = users.for_run(spec.run_as or settings.run_as, is_root_allowed=settings.is_root_allowed)
    fetches: list[s3.Fetch] = []

    def located(location: str, what: str) -> Path:
        if not s3.is_address(location):
            return _local_path(location, settings, what)
        place = s3.place(location, what, settings.s3, directory)
        fetches.extend([place.fetch] if place.fetch else [])
        return place.path

    script = located(_script_location(spec), "script location")
    libraries = [located(location, arguments.EXTRA_PY_FILES) for location in _library_locations(spec)]
    named = _named_runtime(spec, settings)
    python_home = spec.arguments.get(arguments.PYTHON) or (named.python if named else None)
    is_python = script.suffix in _PYTHON_SUFFIXES or script.is_dir()
    wanted = None
    if needs_modules(spec, settings):
        wanted = modules.wanted(spec.arguments, _interpreter(spec, settings, python_home), located)
        python_home = python_home if environment is None else str(environment)
    interpreter = [_interpreter(spec, settings, python_home)] if is_python else []
    common = _common_environment(settings, python_home, user or users.ourselves())
    preload = _preload(spec, named)
    debugger = _debugger(spec, settings, is_python=is_python)
    # Nothing of another user's is imported as ours.
    is_warm = bool(interpreter) and preload is not None and user is None and not debugger
    return World(
        script=script,
        argv=[*interpreter, *debugger, str(script), *arguments.to_argv(_injected(spec, directory), spec.arguments)],
        environment=_environment(spec, common, directory, _python_path(libraries, fetches)),
        fetches=fetches,
        user=user,
        runtime=_runtime(interpreter[0], preload or (), common) if is_warm else None,
        modules=wanted,
    )


def _injected(spec: LaunchSpec, directory: Path) -> list[tuple[str, str]]:
    """Return the arguments that a script gets beside its job's and its run's."""
    injected = [
        ("--JOB_NAME", spec.job_name),
        ("--JOB_ID", spec.job_id),
        ("--JOB_RUN_ID", str(spec.run_id)),
    ]
    if spec.workflow_name is not None and spec.workflow_run_id is not None:
        injected += [("--WORKFLOW_NAME", spec.workflow_name), ("--WORKFLOW_RUN_ID", spec.workflow_run_id)]
    if arguments.TEMP_DIR not in spec.arguments:
        injected.append((arguments.TEMP_DIR, str(directory / "tmp")))
    return injected


def _debugger(spec: LaunchSpec, settings: WorldSettings, *, is_python: bool) -> list[str]:
    """Return what stands before a script that is to wait for a debugger; nothing for others."""
    try:
        port = arguments.debugger_port(spec.arguments)
    except RequestError as error:
        raise LaunchError(str(error)) from error
    if port is None:
        return []
    if not settings.is_debug_allowed:
        raise LaunchError(
            "The run is to wait for a debugger, which is not allowed ([runs] allow_debug = true allows it)"
        )
    if not is_python:
        raise LaunchError("The run is to wait for a debugger, and its script is no Python script")
    return ["-X", "frozen_modules=off", str(DEBUGGED), str(port)]  # frozen modules have no lines to stop at


def shared_runtimes(settings: WorldSettings) -> list[Runtime]:
    """Return the runtimes that the settings name, for jobs that say nothing of an interpreter.

    Raises:
        LaunchError: an interpreter cannot be made out.
    """
    return [
        _runtime(
            _named_interpreter(runtime.python, settings),
            runtime.preload,
            _common_environment(settings, runtime.python, users.ourselves()),
        )
        for runtime in settings.runtimes.values()
    ]


def _runtime(python: str, preload: tuple[str, ...], common: Mapping[str, str]) -> Runtime:
    return Runtime(python, preload, tuple(sorted({**common, "PYTHONPATH": str(SCRIPT_PACKAGE)}.items())))


def _named_runtime(spec: LaunchSpec, settings: WorldSettings) -> NamedRuntime | None:
    name = spec.arguments.get(arguments.RUNTIME)
    if not name:
        return None
    if name not in settings.runtimes:
        message = f"{arguments.RUNTIME}: there is no runtime {name!r} in the settings ([runtimes.{name}])"
        raise LaunchError(message)
    return settings.runtimes[name]


def _preload(spec: LaunchSpec, named: NamedRuntime | None) -> tuple[str, ...] | None:
    """Return what is to be imported before the script comes; None where it is to be executed."""
    own = spec.arguments.get(arguments.PRELOAD)
    if own is None:
        return named.preload if named else None
    return arguments.modules_to_preload(own)


def _common_environment(settings: WorldSettings, python_home: str | None, user: User) -> dict[str, str]:
    environment = {
        "PATH": settings.path,
        "HOME": user.home,
        "USER": user.name,
        "LOGNAME": user.name,
        "SHELL": "/bin/sh",
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",  # without it a live log is empty until 8 KiB have gathered
        "AWS_ENDPOINT_URL_GLUE": settings.endpoint_url,
        "AWS_REGION": settings.region,
        "AWS_DEFAULT_REGION": settings.region,
        **(settings.own_environment if user.uid == os.geteuid() else {}),
        **settings.environment,
    }
    home = _virtual_environment(python_home, settings)
    if home is not None:
        environment["VIRTUAL_ENV"] = str(home)
        environment["PATH"] = f"{home / 'bin'}{os.pathsep}{environment['PATH']}"
    return environment


def _environment(spec: LaunchSpec, common: Mapping[str, str], directory: Path, libraries: list[str]) -> dict[str, str]:
    environment = {
        "TMPDIR": str(directory / "tmp"),
        **common,
        "PYTHONPATH": os.pathsep.join([*libraries, str(SCRIPT_PACKAGE)]),
        "ORCH_JOB_NAME": spec.job_name,
        "ORCH_JOB_ID": spec.job_id,
        "ORCH_JOB_RUN_ID": str(spec.run_id),
        "ORCH_JOB_ATTEMPT": str(spec.run_id.attempt),
        "ORCH_BOOKMARK_OPTION": spec.bookmark_option,
        "ORCH_BOOKMARK_FILE": str(directory / "bookmark" / "state"),
    }
    if spec.bookmark.to_text is not None:
        environment["ORCH_BOOKMARK_TO_FILE"] = str(directory / "bookmark" / "to")
    custom = spec.arguments.get(arguments.CUSTOMER_ENV)
    if custom:
        environment.update(arguments.customer_environment(custom))
    return environment


def _interpreter(spec: LaunchSpec, settings: WorldSettings, python_home: str | None) -> str:
    if python_home:
        return _named_interpreter(python_home, settings)
    version = spec.python_version
    if version is not None and version in settings.pythons:
        return settings.pythons[version]
    if version == "2":
        message = 'The job asks for PythonVersion 2, and no interpreter is configured for it ([pythons] "2")'
        raise LaunchError(message)
    return settings.python


def _named_interpreter(python_home: str | None, settings: WorldSettings) -> str:
    if not python_home:
        return settings.python
    home = _virtual_environment(python_home, settings)
    return str(home / "bin" / "python") if home else str(_local_path(python_home, settings, arguments.PYTHON))


def _virtual_environment(python_home: str | None, settings: WorldSettings) -> Path | None:
    if not python_home:
        return None
    path = _local_path(python_home, settings, arguments.PYTHON)
    return path if path.is_dir() else None


def _script_location(spec: LaunchSpec) -> str:
    return spec.arguments.get(arguments.SCRIPT_LOCATION) or spec.script_location


def _library_locations(spec: LaunchSpec) -> list[str]:
    return [*filter(None, map(str.strip, spec.arguments.get(arguments.EXTRA_PY_FILES, "").split(",")))]


def _python_path(libraries: Sequence[Path], fetches: Sequence[s3.Fetch]) -> list[str]:
    """Return what `--extra-py-files` adds to the Python path: archives themselves, modules by their directory."""
    entries: list[str] = []
    awaited = {fetch.path for fetch in fetches}
    for path in libraries:
        if path not in awaited and not path.exists():
            message = f"{arguments.EXTRA_PY_FILES}: [Errno 2] No such file or directory: '{path}'"
            raise LaunchError(message)
        is_itself = path.suffix in _LIBRARY_SUFFIXES or path.is_dir()
        entry = str(path if is_itself else path.parent)
        if entry not in entries:
            entries.append(entry)
    return entries


def _local_path(location: str, settings: WorldSettings, what: str) -> Path:
    if location[:5].lower() == "file:":
        try:
            return Path(unquote(urlsplit(location).path))
        except ValueError as error:
            message = f"The {what} {location} is not an address: {error}"
            raise LaunchError(message) from error
    if "://" in location:
        message = f"The {what} {location} is not on this machine; give a path or a file:// address"
        raise LaunchError(message)
    if not location:
        message = f"The {what} is empty"
        raise LaunchError(message)
    try:
        return settings.jobs_dir / Path(location).expanduser()
    except RuntimeError as error:  # ~somebody, and nobody of that name
        message = f"The {what} {location}: {error}"
        raise LaunchError(message) from error

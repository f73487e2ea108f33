"""What only a run of a job file's job would find: whether this machine has what the job needs.

`executors/world.py` has the rules of a script's world; it is asked, so that they are said once.
"""

import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

from pydantic.alias_generators import to_snake

from orchestrator.executors import users, world
from orchestrator.executors.interface import GivenBookmark, LaunchSpec
from orchestrator.faces.job_file_checks import CAPACITY, Mistake, is_told
from orchestrator.faces.worlds import world_settings
from orchestrator.model import arguments, definitions
from orchestrator.model.errors import LaunchError, RequestError
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import CapacityRequest, JobDefinition
from orchestrator.settings import Settings

_SCRIPT: Final = ("Command", "ScriptLocation")
Place = tuple[str, str]
"""A member that holds arguments, and the argument."""
_SHEBANG_BYTES: Final = 256  # what Linux looks at (BINPRM_BUF_SIZE)


def of_machine(
    definition: JobDefinition, settings: Settings, folder: Path, mistakes: Iterable[Mistake]
) -> Iterator[Mistake]:
    """Find what only a run would find: a file that is not there, a demand above the slots, contradicting arguments.

    What the `mistakes` are about already is left alone.
    """
    told = list(mistakes)
    if not is_told(told, "Command", "Name") and not any(is_told(told, name) for name in CAPACITY):
        try:
            definitions.run_capacity(CapacityRequest(), definition, settings.capacity.dpus)
        except RequestError as error:
            asked = (name for name in CAPACITY if getattr(definition.capacity, to_snake(name)) is not None)
            yield Mistake((next(asked, "MaxCapacity"),), f"capacity: {error}")
    machine = _Machine(definition, settings, folder)
    yield from machine.find_argument_mistakes()
    yield from machine.find_library_mistakes()
    yield from machine.find_script_mistakes(needs_script=not is_told(told, *_SCRIPT))
    if not is_told(told, "Command", "PythonVersion"):
        yield from machine.find_version_mistake()


def runtime_of(definition: JobDefinition, settings: Settings, folder: Path) -> tuple[Place, world.Runtime] | None:
    """Return what the warm starts of a job are forked from, if the job itself says what to preload, and where it does."""
    machine = _Machine(definition, settings, folder)
    return machine.own_runtime()


def shared_runtimes(settings: Settings) -> Iterator[tuple[str, world.Runtime | str]]:
    """Yield the name of each runtime of the settings with what it is, or with why that cannot be made out."""
    every = world_settings(settings)
    for name, runtime in every.runtimes.items():
        try:
            yield name, world.shared_runtimes(replace(every, runtimes={name: runtime}))[0]
        except LaunchError as error:
            yield name, str(error)


class _Machine:
    """This machine as the scripts of one job find it."""

    def __init__(self, definition: JobDefinition, settings: Settings, folder: Path) -> None:
        self._command = definition.command
        self._own = definition.non_overridable_arguments or {}
        self._merged = arguments.merge(definition.default_arguments, None, definition.non_overridable_arguments)
        self._folder = folder
        # Whoever checks need not be the user that the daemon is.
        self._settings = replace(world_settings(settings), run_as="", is_root_allowed=True)
        self._home: dict[str, str] = {}  # --orchestrator-python, if it is right

    def own_runtime(self) -> tuple[Place, world.Runtime] | None:
        """Return the runtime that the job describes, and the argument that does."""
        if arguments.PRELOAD not in self._merged or arguments.user_of_job(self._own):
            return None
        keys = (arguments.PRELOAD, arguments.PYTHON, arguments.RUNTIME)
        given = {key: self._merged[key] for key in keys if key in self._merged}
        location = self._merged.get(arguments.SCRIPT_LOCATION) or self._command.script_location or ""
        spec = self._spec(location, self._command.python_version, given)
        runtime = world.build(spec, self._settings, self._folder).runtime
        return None if runtime is None else (self._at(arguments.PRELOAD), runtime)

    def _at(self, key: str) -> Place:
        return ("NonOverridableArguments" if key in self._own else "DefaultArguments"), key

    def _world(self, script: str = "/script.py", version: str | None = None, **given: str) -> world.World:
        named = {f"--{name.replace('_', '-')}": value for name, value in given.items()} or self._home
        spec = self._spec(script, version, named)
        try:
            return world.build(spec, self._settings, self._folder)
        except OSError as error:  # a path that cannot even be looked at, such as one that is too long
            raise LaunchError(str(error)) from error

    def _spec(self, script: str, version: str | None, given: Mapping[str, str]) -> LaunchSpec:
        return LaunchSpec(
            run_id=JobRunId(bytes(32)),
            job_id="",
            job_name="",
            script_location=script,
            python_version=version,
            arguments=given,
            bookmark_option=arguments.BOOKMARK_DISABLE,
            bookmark=GivenBookmark(version=0, text=None),
            timeout_s=None,
            dpu=0,
        )

    def find_argument_mistakes(self) -> Iterator[Mistake]:
        """Find arguments that contradict each other or reach no script, and a missing interpreter."""
        rest = dict(self._merged)
        customer = {key: rest.pop(key) for key in (arguments.CUSTOMER_ENV,) if key in rest}
        modules: dict[str, str] = {
            key: rest.pop(key) for key in (arguments.MODULES, arguments.MODULES_OPTIONS) if key in rest
        }
        window = [key for key in (arguments.BOOKMARK_FROM, arguments.BOOKMARK_TO) if key in rest]
        is_option = arguments.bookmark_option(rest) in arguments.BOOKMARK_OPTIONS
        for key, checked in (
            (window[0] if window and is_option else arguments.BOOKMARK_OPTION, rest),
            (arguments.CUSTOMER_ENV, customer),
        ):
            try:
                arguments.check_merged(checked)
            except RequestError as error:
                where = self._at(key)
                yield Mistake(where, f"{where[0]}: {error}")
        for key in arguments.ignored_keys(self._merged):
            where = self._at(key)
            yield Mistake(where, f"{where[0]}: the key {key!r} does not begin with --, so no script gets it")
        yield from self._find_module_mistakes(modules)
        yield from self._find_user_mistake()
        yield from self._find_runtime_mistakes()

    def _find_module_mistakes(self, given: Mapping[str, str]) -> Iterator[Mistake]:
        """Find what would not be installed: an option among the modules, a file that is not there."""
        try:
            arguments.check_merged(given)
            wanted = self._world(version=None, **_named(given)).modules if given else None
            missing = next((path for path in wanted.files if not path.is_file()), None) if wanted else None
            problem = f"{arguments.MODULES}: {missing}: no such file" if missing else None
        except (RequestError, LaunchError) as error:
            problem = str(error)
        if problem is not None:
            key = arguments.MODULES_OPTIONS if problem.startswith(arguments.MODULES_OPTIONS) else arguments.MODULES
            where = self._at(key)
            yield Mistake(where, f"{where[0]}: {problem}")

    def _find_user_mistake(self) -> Iterator[Mistake]:
        name = arguments.user_of_job(self._own)
        if name:
            try:
                users.named(name)
            except LaunchError as error:
                where = self._at(arguments.RUN_AS)
                yield Mistake(where, f"{where[0]}: {arguments.RUN_AS}: {error}")

    def _find_runtime_mistakes(self) -> Iterator[Mistake]:
        runtime = self._merged.get(arguments.RUNTIME)
        if runtime:
            where = self._at(arguments.RUNTIME)
            try:
                self._world(orchestrator_runtime=runtime)
            except LaunchError as error:
                yield Mistake(where, f"{where[0]}: {error}")
        python = self._merged.get(arguments.PYTHON)
        if python:
            where = self._at(arguments.PYTHON)
            try:
                interpreter = self._world(orchestrator_python=python).argv[0]
            except LaunchError as error:
                yield Mistake(where, f"{where[0]}: {error}")
                return
            if shutil.which(interpreter) is None:
                yield Mistake(where, f"{where[0]}: {arguments.PYTHON}: {interpreter} is not an executable file")
            else:
                self._home = {arguments.PYTHON: python}

    def find_library_mistakes(self) -> Iterator[Mistake]:
        """Find what `--extra-py-files` names and is not there."""
        where = self._at(arguments.EXTRA_PY_FILES)
        for entry in self._merged.get(arguments.EXTRA_PY_FILES, "").split(","):
            try:
                self._world(extra_py_files=entry)
            except LaunchError as error:
                yield Mistake(where, f"{where[0]}: {error}")

    def find_script_mistakes(self, *, needs_script: bool) -> Iterator[Mistake]:
        """Find a script that is not there or cannot be executed."""
        where, location = _SCRIPT, self._command.script_location
        if self._merged.get(arguments.SCRIPT_LOCATION):
            where, location = self._at(arguments.SCRIPT_LOCATION), self._merged[arguments.SCRIPT_LOCATION]
        elif not needs_script:
            return
        label = ".".join(where)
        if not location:
            yield Mistake(where, f"{label}: it is missing")
            return
        try:
            found = self._world(location)
        except LaunchError as error:
            yield Mistake(where, f"{label}: {error}")
            return
        if found.fetches:  # only the run will see it
            return
        is_python = found.argv[0] != str(found.script)
        problem = _problem_of_script(found.script, found.environment["PATH"], is_python=is_python)
        if problem is not None:
            yield Mistake(where, f"{label}: {found.script}: {problem}")

    def find_version_mistake(self) -> Iterator[Mistake]:
        """Find a Python that there is no interpreter for; a script that cannot be told is taken for Python's."""
        location = self._merged.get(arguments.SCRIPT_LOCATION) or self._command.script_location or ""
        is_path = location and "://" not in location and not location.startswith("~")
        script = location if is_path else "/script.py"
        try:
            self._world(script, self._command.python_version)
        except LaunchError as error:
            yield Mistake(("Command", "PythonVersion"), f"Command.PythonVersion: {error}")


def _named(given: Mapping[str, str]) -> dict[str, str]:
    """Return arguments as `_world` takes them."""
    return {key.removeprefix("--").replace("-", "_"): value for key, value in given.items()}


def _problem_of_script(script: Path, path: str, *, is_python: bool) -> str | None:
    try:
        if not script.exists():
            return "no such file"
        if not os.access(script, os.R_OK):
            return "not readable"
        if is_python:
            return None
        if not script.is_file():
            return "not a file"
        if not os.access(script, os.X_OK):
            return "neither a Python script nor executable"
        with script.open("rb") as file:
            first_line = file.read(_SHEBANG_BYTES).partition(b"\n")[0]
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        return str(error)
    return _problem_of_shebang(os.fsdecode(first_line), path)


def _problem_of_shebang(first_line: str, path: str) -> str | None:
    """Say what is wrong with `#!interpreter [argument]`; env(1) is looked through, for it is what most scripts name."""
    if not first_line.startswith("#!"):
        return None
    interpreter, _, rest = first_line[2:].strip(" \t").partition(" ")
    if shutil.which(interpreter if "/" in interpreter else f"./{interpreter}") is None:
        return f"its first line names {interpreter!r}, which is not an executable file"
    if Path(interpreter).name == "env":
        words = (word for word in rest.split() if not word.startswith("-") and "=" not in word)
        program = next(words, None)
        if program is not None and shutil.which(program, path=path) is None:
            return f"its first line asks env for {program!r}, which is not on the PATH of scripts ({path})"
    return None

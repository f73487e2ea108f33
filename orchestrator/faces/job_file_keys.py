"""The keys of a job file that are ours and not Glue's, in lower case: how its script is started.

Each is another way to spell one of the job's DefaultArguments, or, where no run may have it otherwise, of its
NonOverridableArguments, and nothing else.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from orchestrator.faces.job_file_checks import Mistake
from orchestrator.model import arguments
from orchestrator.model.errors import RequestError

_KEYS: Final = {
    "preload": arguments.PRELOAD,
    "python": arguments.PYTHON,
    "runtime": arguments.RUNTIME,
    "run_as": arguments.RUN_AS,
}
_ARGUMENTS: Final = ("DefaultArguments", "NonOverridableArguments")


def _member(argument: str) -> str:
    return _ARGUMENTS[1] if argument == arguments.RUN_AS else _ARGUMENTS[0]


def spelled_out(members: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], list[Mistake]]:
    """Return the members with our keys as arguments, and what is wrong with the keys."""
    left = {name: value for name, value in members.items() if name not in _KEYS}
    mistakes: list[Mistake] = []
    added: dict[str, dict[str, str]] = {}
    for key in members.keys() & _KEYS.keys():
        problem = _contradiction(key, members)
        if problem is None:
            try:
                argument = _KEYS[key]
                added.setdefault(_member(argument), {})[argument] = _SPELLED[key](members[key], folder)
            except (ValueError, RequestError) as error:
                problem = str(error)
        if problem is not None:
            mistakes.append(Mistake((key,), f"{key}: {problem}"))
    for name, spelled in added.items():
        given = left.get(name, {})
        if isinstance(given, dict):
            left[name] = {**given, **spelled}
    return left, mistakes


def as_written(mistake: Mistake, members: Mapping[str, Any]) -> Mistake:
    """Return a mistake of an argument as one of the key that spelled it."""
    for key, argument in _KEYS.items():
        if key in members and mistake.member == (_member(argument), argument):
            message = mistake.message.removeprefix(f"{_member(argument)}: ").removeprefix(f"{argument}: ")
            return Mistake((key,), f"{key}: {message}")
    return mistake


def _contradiction(key: str, members: Mapping[str, Any]) -> str | None:
    for name in _ARGUMENTS:
        given = members.get(name)
        if isinstance(given, dict) and _KEYS[key] in given:
            return f"{name} has {_KEYS[key]} as well; give one of them"
    others = [other for other in ("preload", "python") if other in members]
    if key == "runtime" and others:
        return f"the runtime says what {' and '.join(others)} would say as well; give one of them"
    return None


def _preload(value: object, _: Path) -> str:
    if not isinstance(value, list) or not all(isinstance(name, str) and name.strip() for name in value):
        message = 'it is a list of modules, such as ["pandas"]; an empty one imports nothing'
        raise ValueError(message)
    for name in value:
        if arguments.modules_to_preload(name) != (name,):
            message = f"{name!r} is not the name of a Python module"
            raise ValueError(message)
    return ",".join(value)


def _python(value: object, folder: Path) -> str:
    if not isinstance(value, str) or not value:
        message = "it is an interpreter, or the directory of a virtual environment"
        raise ValueError(message)
    if "://" in value or value[:5].lower() == "file:":
        return value
    try:
        return str(folder.absolute() / Path(value).expanduser())
    except RuntimeError as error:  # ~somebody, and nobody of that name
        message = f"{value}: {error}"
        raise ValueError(message) from error


def _runtime(value: object, _: Path) -> str:
    if not isinstance(value, str) or not value:
        message = "it is the name of a runtime in the settings ([runtimes])"
        raise ValueError(message)
    return value


def _run_as(value: object, _: Path) -> str:
    if not isinstance(value, str) or not value:
        message = "it is the name of a user of this machine"
        raise ValueError(message)
    return value


_SPELLED: Final = {"preload": _preload, "python": _python, "runtime": _runtime, "run_as": _run_as}

"""Jobs as files: `<jobs_dir>/<name>/job.toml`, with Glue's member names, beside the script.

Reading never stops at the first mistake: all are found, each with its file and, where it can be told, its line.
"""

import os
import re
import shutil
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import BaseModel

from orchestrator.model import arguments, definitions
from orchestrator.model.errors import RequestError
from orchestrator.model.records import CapacityRequest, JobDefinition
from orchestrator.operations.define_jobs import DefinedJob
from orchestrator.operations.views import definition_of
from orchestrator.settings import Settings
from orchestrator.wire.decode import from_members
from orchestrator.wire.shapes import CreateJobRequest

FILE_NAME: Final = "job.toml"
DEFAULT_ROLE: Final = "arn:aws:iam::123456789012:role/local"
"""A file need not name a role: none is ever assumed here."""
_TOML_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)|at end of document")
_WORDS_OF_GLUE: Final = {  # members as Glue's own sentences spell them
    "max capacity": "MaxCapacity",
    "allocated capacity": "AllocatedCapacity",
    "worker type": "WorkerType",
    "number of workers": "NumberOfWorkers",
    "timeout": "Timeout",
}
_QUOTED_MEMBER: Final = re.compile(r" at '([^']+)' failed|member '([^']+)'|^([A-Za-z.]+)(?: is|:)")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Problem:
    """A mistake in a file."""

    file: Path
    line: int | None
    message: str


def load(settings: Settings) -> tuple[dict[str, DefinedJob], list[Problem]]:
    """Return the jobs whose files are right, and what is wrong with the others."""
    jobs: dict[str, DefinedJob] = {}
    problems: list[Problem] = []
    for path in sorted(settings.jobs_dir.glob(f"*/{FILE_NAME}")):
        definition, found = _read(path, settings)
        problems += found
        if definition is not None:
            jobs[path.parent.name] = DefinedJob(definition=definition, source=str(path))
    return jobs, problems


def check(settings: Settings) -> list[Problem]:
    """Return every mistake in the job files and in what the settings point at, before anything starts."""
    return sorted(
        [*load(settings)[1], *_check_settings(settings)], key=lambda problem: (problem.file, problem.line or 0)
    )


def _check_settings(settings: Settings) -> Iterator[Problem]:
    for version, interpreter in {"": settings.python, **settings.pythons}.items():
        if shutil.which(interpreter) is None:
            name = f'pythons."{version}"' if version else "python"
            yield Problem(file=Path("settings"), line=None, message=f"{name}: {interpreter} is not an executable file")
    if not settings.jobs_dir.is_dir():
        yield Problem(file=settings.jobs_dir, line=None, message="the jobs directory does not exist")


def _read(path: Path, settings: Settings) -> tuple[JobDefinition | None, list[Problem]]:
    try:
        text = path.read_text(encoding="utf-8")
        members = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        return None, [Problem(file=path, line=None, message=str(error))]
    except tomllib.TOMLDecodeError as error:
        match = _TOML_LINE.search(str(error))
        line = int(match[1]) if match and match[1] else None
        return None, [Problem(file=path, line=line, message=str(error))]
    found = [
        Problem(file=path, line=_line_of(text, member), message=f"{'.'.join(member)}: there is no such member")
        for member in _unknown_members(members, CreateJobRequest)
    ]
    try:
        definition = _definition(path, members)
    except RequestError as error:
        sentence = str(error)
        return None, [*found, Problem(file=path, line=_line_of_sentence(text, sentence), message=sentence)]
    found += [
        Problem(file=path, line=_line_of(text, member), message=message)
        for member, message in _check_against_machine(definition, settings)
    ]
    return (None if found else definition), found


def _definition(path: Path, members: Mapping[str, Any]) -> JobDefinition:
    named = {"Role": DEFAULT_ROLE, **members, "Name": path.parent.name}
    definition = definition_of(from_members(named, CreateJobRequest))
    location = definition.command.script_location
    if location is None or "://" in location:
        return definition
    beside = str(path.parent / location)  # an absolute location stays what it is
    command = type(definition.command)(
        name=definition.command.name,
        script_location=beside,
        python_version=definition.command.python_version,
        runtime=definition.command.runtime,
    )
    return JobDefinition(**{**_fields(definition), "command": command})


def _fields(definition: JobDefinition) -> dict[str, Any]:
    return {name: getattr(definition, name) for name in JobDefinition.__dataclass_fields__}


def _check_against_machine(definition: JobDefinition, settings: Settings) -> Iterator[tuple[tuple[str, ...], str]]:
    """Find what only a run would find: a missing script, a demand above the slots, a contradiction of arguments."""
    location = definition.command.script_location
    where = ("Command", "ScriptLocation")
    if not location:
        yield where, "Command.ScriptLocation: it is missing"
    elif "://" not in location:
        script = Path(location)
        if not script.exists():
            yield where, f"Command.ScriptLocation: {script}: no such file"
        elif not os.access(script, os.R_OK):
            yield where, f"Command.ScriptLocation: {script}: not readable"
        elif script.suffix not in (".py", ".pyz", ".zip", ".egg", ".whl") and not os.access(script, os.X_OK):
            yield where, f"Command.ScriptLocation: {script}: neither a Python script nor executable"
    try:
        definitions.run_capacity(CapacityRequest(), definition, settings.capacity.dpus)
    except RequestError as error:
        yield ("MaxCapacity",), f"capacity: {error}"
    merged = arguments.merge(definition.default_arguments, None, definition.non_overridable_arguments)
    try:
        arguments.check_merged(merged)
    except RequestError as error:
        yield ("DefaultArguments", arguments.BOOKMARK_OPTION), f"DefaultArguments: {error}"
    for key in arguments.ignored_keys(merged):
        yield (
            ("DefaultArguments", key),
            f"DefaultArguments: the key {key!r} does not begin with --, so no script gets it",
        )
    python = merged.get(arguments.PYTHON)
    if python and not (settings.jobs_dir / Path(python).expanduser()).exists():
        yield ("DefaultArguments", arguments.PYTHON), f"DefaultArguments: {arguments.PYTHON}: {python}: no such file"


def _unknown_members(members: Mapping[str, Any], shape: type[BaseModel]) -> Iterator[tuple[str, ...]]:
    fields = {field.alias or name: field.annotation for name, field in shape.model_fields.items()}
    for name, value in members.items():
        if name not in fields:
            yield (name,)
            continue
        inner = next((kind for kind in (fields[name], *get_args(fields[name])) if _is_shape(kind)), None)
        if inner is not None and isinstance(value, dict):
            for member in _unknown_members(value, inner):
                yield (name, *member)


def _is_shape(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _line_of_sentence(text: str, sentence: str) -> int | None:
    match = _QUOTED_MEMBER.search(sentence)
    if match is None:
        named = (_line_of(text, (name,)) for words, name in _WORDS_OF_GLUE.items() if words in sentence.lower())
        return next((line for line in named if line is not None), None)
    member = tuple((match[1] or match[2] or match[3]).split("."))
    return _line_of(text, tuple(part[:1].upper() + part[1:] for part in member))


def _line_of(text: str, member: tuple[str, ...]) -> int | None:
    """Return the line that sets `member`, or that opens the table which should."""
    table: tuple[str, ...] = ()
    opened = None
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = tuple(part.strip(" \"'") for part in stripped.partition("]")[0].strip("[ ").split("."))
            if table == member[: len(table)]:
                opened = number
        elif "=" in stripped:
            key = stripped.partition("=")[0]
            dotted = (*table, *(part.strip(" \"'") for part in key.split(".")))
            if member in (dotted, (*table, key.strip(" \"'"))):
                return number
            if dotted == member[: len(dotted)]:  # an inline table
                opened = number
    return opened

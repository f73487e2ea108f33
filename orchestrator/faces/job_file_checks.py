"""What is wrong with the members of one job file: every mistake by itself, with the member that has it.

What is right is looked at further even where something else is wrong: one look finds all.
"""

import copy
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails

from orchestrator.model.errors import RequestError
from orchestrator.model.records import JobDefinition
from orchestrator.operations.views import definition_of
from orchestrator.wire.decode import from_members
from orchestrator.wire.shapes import CreateJobRequest
from orchestrator.wire.violations import explained

_LEAST: Final = {"Name": "job", "Role": "role", "Command": {"Name": "glueetl"}}
"""What no rule refuses, so that a refusal is about what is put beside it."""
CAPACITY: Final = ("MaxCapacity", "AllocatedCapacity", "WorkerType", "NumberOfWorkers")
_RULED: Final = (("MaxRetries",), ("ExecutionProperty", "MaxConcurrentRuns"), ("Timeout",))
_ARGUMENTS: Final = ("DefaultArguments", "NonOverridableArguments")
_INNER_CAPITAL: Final = re.compile(r"(?<!^)([A-Z])")


class Mistake(NamedTuple):
    """What is wrong, and the member that has it, from the outermost name on."""

    member: tuple[str, ...]
    message: str


def examine(members: Mapping[str, Any]) -> tuple[JobDefinition | None, list[Mistake]]:
    """Return the definition that the right members describe, if they describe one, and what is wrong with the others."""
    mistakes = [*_unknown_members(members, CreateJobRequest), *_of_shape(members)]
    sound = {**_LEAST, **_without(members, mistakes)}
    found = [*_of_command(sound["Command"], mistakes)]
    mistakes += found
    sound = _without(sound, found)
    if is_told(mistakes, "Command", "Name"):
        sound["Command"] = {**sound.get("Command", {}), **_LEAST["Command"]}  # type: ignore[dict-item]  # a table too
        sound = {name: value for name, value in sound.items() if name not in CAPACITY}  # it goes by the command
    found = [*_of_rules(sound), *_of_arguments(sound)]
    mistakes += found
    sound = _without(sound, found)
    if any(is_told(found, name) for name in CAPACITY):  # they are right or wrong together
        sound = {name: value for name, value in sound.items() if name not in CAPACITY}
    try:
        return definition_of(from_members(sound, CreateJobRequest)), mistakes
    except RequestError:  # what is left makes no definition, and what was found says why
        return None, mistakes


def is_told(mistakes: Iterable[Mistake], *member: str) -> bool:
    """Say whether one of the mistakes is the member's, or that of something which it is a part of."""
    return any(mistake.member == member[: len(mistake.member)] for mistake in mistakes)


def _unknown_members(members: Mapping[str, Any], shape: type[BaseModel]) -> Iterator[Mistake]:
    fields = {field.alias or name: field.annotation for name, field in shape.model_fields.items()}
    for name, value in members.items():
        if name not in fields:
            yield Mistake((name,), f"{name}: there is no such member")
            continue
        inner = next((kind for kind in (fields[name], *get_args(fields[name])) if _is_shape(kind)), None)
        if inner is not None and isinstance(value, dict):
            for member, _ in _unknown_members(value, inner):
                dotted = ".".join((name, *member))
                yield Mistake((name, *member), f"{dotted}: there is no such member")


def _is_shape(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _of_shape(members: Mapping[str, Any]) -> Iterator[Mistake]:
    """Find members of another type, and values that Glue's model forbids."""
    try:
        CreateJobRequest.model_validate(members, by_alias=True, by_name=False)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            alone = InitErrorDetails(
                type=detail["type"], loc=detail["loc"], input=detail["input"], ctx=detail.get("ctx", {})
            )
            sentence = str(explained(ValidationError.from_exception_data(error.title, [alone]), CreateJobRequest))
            member = tuple(step for step in detail["loc"] if isinstance(step, str) and step != "[key]")
            yield Mistake(member, sentence.removeprefix("1 validation error detected: "))


def _without(members: Mapping[str, Any], mistakes: Iterable[Mistake]) -> dict[str, Any]:
    """Return the members but for those that have a mistake."""
    left = copy.deepcopy(dict(members))
    for mistake in mistakes:
        table: Any = left
        for step in mistake.member[:-1]:
            table = table.get(step) if isinstance(table, dict) else None
        if isinstance(table, dict):
            table.pop(mistake.member[-1], None)
    return left


def _refusal(members: Mapping[str, Any]) -> str | None:
    """Return why a job with these members, and no others, is refused."""
    try:
        definition_of(from_members({**_LEAST, **members}, CreateJobRequest))
    except RequestError as error:
        return str(error)
    return None


def _of_command(command: Mapping[str, Any], mistakes: Iterable[Mistake]) -> Iterator[Mistake]:
    if not is_told(mistakes, "Command", "Name"):
        refusal = _refusal({"Command": {"Name": command.get("Name", "")}})
        if refusal is not None:
            yield Mistake(("Command", "Name"), refusal)
    for name in command.keys() - {"Name"}:
        refusal = _refusal({"Command": {"Name": "glueetl", name: command[name]}})
        if refusal is not None:
            yield Mistake(("Command", name), refusal)


def _of_rules(members: Mapping[str, Any]) -> Iterator[Mistake]:
    """Find what no run could follow, among members that are each of the right type."""
    command = {"Name": members["Command"]["Name"]}
    for member in _RULED:
        if member[0] in members:
            refusal = _refusal({"Command": command, member[0]: members[member[0]]})
            if refusal is not None:
                yield Mistake(member, refusal)
    asked = {name: members[name] for name in CAPACITY if name in members}
    refusal = _refusal({"Command": command, **asked}) if asked else None
    if refusal is None:
        return
    named = [name for name in asked if _INNER_CAPITAL.sub(r" \1", name).lower() in refusal.lower()]
    yield Mistake(((named or list(asked))[0],), refusal)


def _of_arguments(members: Mapping[str, Any]) -> Iterator[Mistake]:
    for name in _ARGUMENTS:
        given: Mapping[str, str] = members.get(name) or {}
        refusals = [(key, _refusal({name: {key: value}})) for key, value in given.items()]
        told = [Mistake((name, key), refusal) for key, refusal in refusals if refusal is not None]
        yield from told
        refusal = _refusal({name: given}) if given and not told else None
        if refusal is not None:  # all of them together
            yield Mistake((name,), refusal)

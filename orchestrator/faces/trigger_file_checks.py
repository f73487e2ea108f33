"""What is wrong with one table of a trigger file: every mistake by itself, with the member that has it.

What is right is looked at further even where something else is wrong: one look finds all.
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from types import UnionType
from typing import Annotated, Any, Final, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import InitErrorDetails

from orchestrator.faces.toml_files import Member
from orchestrator.model import arguments
from orchestrator.model import tags as tag_rules
from orchestrator.model import triggers as rules
from orchestrator.model.errors import RequestError
from orchestrator.operations.trigger_views import definition_of
from orchestrator.wire.decode import from_members
from orchestrator.wire.shapes import CreateTriggerRequest
from orchestrator.wire.violations import explained

_LEAST: Final[Mapping[str, Any]] = {"Type": "ON_DEMAND", "Actions": [{"JobName": "\ue000"}]}
"""What no rule refuses, so that a refusal is about what is put beside it; no job has that name."""
_PREDICATE: Final = {"Conditions": [{"LogicalOperator": "EQUALS", "JobName": "\ue001", "State": "SUCCEEDED"}]}
_SCHEDULE: Final = "cron(0 0 * * ? *)"
_OF_TYPE: Final[Mapping[str, Mapping[str, Any]]] = {
    "SCHEDULED": {"Schedule": _SCHEDULE},
    "CONDITIONAL": {"Predicate": _PREDICATE},
}
"""What a trigger of a type must have."""


class Mistake(NamedTuple):
    """What is wrong, and the member that has it, from the outermost name on."""

    member: Member
    message: str


def examine(
    name: str, members: Mapping[str, Any], *, is_strict: bool
) -> tuple[CreateTriggerRequest | None, list[Mistake]]:
    """Return the request that would make the trigger, if nothing is wrong with it, and what is wrong.

    `is_strict` refuses schedules more frequent than Glue's minimum.
    """
    strange = [*_of_name(name, members), *_unknown_members(members, CreateTriggerRequest)]
    given = {**_without(members, strange), "Name": name}
    found, sound = _of_shape(given)
    checks = _Rules(sound, [mistake.member for mistake in found], is_strict=is_strict)
    mistakes = [*strange, *found]
    mistakes += [*checks.of_actions(), *checks.of_schedule(), *checks.of_predicate(), *checks.of_the_rest()]
    return (None if mistakes else from_members(given, CreateTriggerRequest)), mistakes


def _of_name(name: str, members: Mapping[str, Any]) -> Iterator[Mistake]:
    if members.get("Name", name) != name:
        yield Mistake(("Name",), f"Name: it is {members['Name']!r}, but the table's name is the trigger's: {name!r}")


def _unknown_members(value: Any, annotation: Any, place: Member = ()) -> Iterator[Mistake]:
    """Find members that the model does not have, at any depth."""
    kind = _bare(annotation)
    if get_origin(kind) is list and isinstance(value, list):
        for position, item in enumerate(value):
            yield from _unknown_members(item, get_args(kind)[0], (*place, position))
    elif isinstance(kind, type) and issubclass(kind, BaseModel) and isinstance(value, dict):
        fields = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        for name, item in value.items():
            if name in fields:
                yield from _unknown_members(item, fields[name], (*place, name))
            else:
                yield Mistake((*place, name), f"{_dotted((*place, name))}: there is no such member")


def _of_shape(members: dict[str, Any]) -> tuple[list[Mistake], dict[str, Any]]:
    """Find members of another type, values that Glue's model forbids, and what is missing; return what is left too.

    A list tells its first mistake only, so what is wrong is taken out until nothing is.
    """
    mistakes: list[Mistake] = []
    left = copy.deepcopy(members)
    while True:
        try:
            CreateTriggerRequest.model_validate(left, by_alias=True, by_name=False)
        except ValidationError as error:
            found = [*_explained(error)]
        else:
            return mistakes, left
        mistakes += found
        for mistake in found:
            left = _mended(left, mistake.member)


def _mended(members: dict[str, Any], member: Member) -> dict[str, Any]:
    """Return the members without that one, or, if it is missing, without what should have it; both may be replaced."""
    left = _without(members, [Mistake(member, "")])
    if left == members and len(member) > 1:
        return _mended(members, member[:-1])
    return {"Name": "name", **_LEAST, **left} if member[0] not in left else left


def _explained(error: ValidationError) -> Iterator[Mistake]:
    for detail in error.errors(include_url=False):
        alone = InitErrorDetails(
            type=detail["type"], loc=detail["loc"], input=detail["input"], ctx=detail.get("ctx", {})
        )
        only = ValidationError.from_exception_data(error.title, [alone])
        sentence = str(explained(only, CreateTriggerRequest)).removeprefix("1 validation error detected: ")
        yield Mistake(tuple(step for step in detail["loc"] if step != "[key]"), sentence)


class _Rules:
    """What a trigger must be beyond its shape, asked of one part at a time."""

    def __init__(self, members: Mapping[str, Any], told: Iterable[Member], *, is_strict: bool) -> None:
        self._members = members
        self._told = list(told)
        self._is_strict = is_strict
        self._type = str(members["Type"])
        self._actions: list[dict[str, Any]] = members["Actions"]
        self._predicate: dict[str, Any] = members.get("Predicate") or {}

    def _is_told(self, *member: str | int) -> bool:
        """Say whether something is wrong already with that member, or a part of it."""
        return any(one[: len(member)] == member or one == member[: len(one)] for one in self._told)

    def _refusal(self, **members: Any) -> str | None:
        """Return why a trigger with these members, and no others, is refused."""
        try:
            definition = definition_of(from_members({**_LEAST, "Name": "name", **members}, CreateTriggerRequest))
            rules.check(definition, is_strict=self._is_strict)
        except RequestError as error:
            return str(error)
        return None

    def of_actions(self) -> Iterator[Mistake]:
        """Find actions that start nothing, or could not be started."""
        if self._told_of_the_whole("Actions"):
            return
        found = []
        for position, action in enumerate(self._actions):
            place: Member = ("Actions", position)
            refusal = None if self._is_told(*place) else self._refusal(Actions=[action])
            if refusal is not None:
                found.append(Mistake(place, refusal))
            for key in arguments.ignored_keys(action.get("Arguments") or {}):
                message = f"Actions.Arguments: the key {key!r} does not begin with --, so no script gets it"
                found.append(Mistake((*place, "Arguments", key), message))
        yield from found
        refusal = None if found or self._is_told("Actions") else self._refusal(Actions=self._actions)
        if refusal is not None:  # all of them together
            yield Mistake(("Actions",), refusal)

    def of_schedule(self) -> Iterator[Mistake]:
        """Find a schedule that is missing, not allowed, or none."""
        if self._is_told("Type") or self._is_told("Schedule"):
            return
        asked: dict[str, Any] = {**_OF_TYPE.get(self._type, {}), "Schedule": self._members.get("Schedule")}
        refusal = self._refusal(Type=self._type, **asked)
        if refusal is not None:
            yield Mistake(("Schedule",), refusal)

    def of_predicate(self) -> Iterator[Mistake]:
        """Find conditions that are missing, not allowed, or could never hold."""
        if self._told_of_the_whole("Predicate") or self._told_of_the_whole("Predicate", "Conditions"):
            return
        found = []
        for position, condition in enumerate(self._predicate.get("Conditions") or []):
            place: Member = ("Predicate", "Conditions", position)
            alone = {"Conditions": [condition]}
            refusal = None if self._is_told(*place) else self._refusal(Type="CONDITIONAL", Predicate=alone)
            if refusal is not None:
                found.append(Mistake(place, refusal))
        yield from found
        if found or self._is_told("Type") or self._is_told("Predicate"):
            return
        named = [{"JobName": action["JobName"]} for action in self._actions if action.get("JobName")]
        asked: dict[str, Any] = {**_OF_TYPE.get(self._type, {}), "Predicate": self._members.get("Predicate")}
        refusal = self._refusal(Type=self._type, Actions=named[: rules.MAX_ACTIONS] or _LEAST["Actions"], **asked)
        if refusal is not None:  # all of them together, and with what is started
            yield Mistake(("Predicate",), refusal)

    def of_the_rest(self) -> Iterator[Mistake]:
        """Find a start that no such trigger can have, and tags that callers may not set."""
        if self._type == "ON_DEMAND" and not self._is_told("Type") and self._members.get("StartOnCreation"):
            yield Mistake(("StartOnCreation",), "StartOnCreation is not supported for a trigger of type ON_DEMAND.")
        for key in self._members.get("Tags") or {}:
            try:
                tag_rules.check_keys([key])
            except RequestError as error:
                yield Mistake(("Tags", key), str(error))

    def _told_of_the_whole(self, *member: str) -> bool:
        return any(one == member[: len(one)] for one in self._told)


def _without(members: Mapping[str, Any], mistakes: Iterable[Mistake]) -> dict[str, Any]:
    """Return the members but for those that have a mistake; an item of a list becomes an empty one, in its place."""
    left = copy.deepcopy(dict(members))
    for mistake in mistakes:
        table: Any = left
        for step in mistake.member[:-1]:
            is_there = (isinstance(table, dict) and step in table) or (
                isinstance(table, list) and isinstance(step, int)
            )
            table = table[step] if is_there else None
        last = mistake.member[-1]
        if isinstance(table, dict):
            table.pop(last, None)
        elif isinstance(table, list) and isinstance(last, int):
            table[last] = {}
    return left


def _bare(annotation: Any) -> Any:
    """Return an annotation without its constraints and without its "or None"."""
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        annotation = get_args(annotation)[0]
    return annotation


def _dotted(place: Member) -> str:
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in place).removeprefix(".")

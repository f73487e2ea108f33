"""What pydantic found wrong with a request, in the sentences that AWS has for it.

Two kinds: another JSON type than the member's is a SerializationException, a broken rule of the model is an
InvalidInputException. Source: glue-semantics §1.3.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType, UnionType
from typing import Annotated, Any, Final, Literal, NamedTuple, Union, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from orchestrator.model.errors import InvalidInputError, RequestError
from orchestrator.wire import logs_shapes, shapes
from orchestrator.wire.errors import SerializationError
from orchestrator.wire.shape import INTEGER_MAX, INTEGER_MIN, LONG_MAX, LONG_MIN, Shape
from orchestrator.wire.text import shown

_MAX_SHOWN: Final = 10
_PATTERNS: Final[Mapping[str, str]] = MappingProxyType({**shapes.PATTERNS, **logs_shapes.PATTERNS})
_BITS: Final[Mapping[object, int]] = MappingProxyType({INTEGER_MIN: 32, INTEGER_MAX: 32, LONG_MIN: 64, LONG_MAX: 64})
"""The bounds that are the type's and not a rule of the model."""

_JSON_TYPES: Final[Mapping[object, str]] = MappingProxyType(
    {
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        str: "a string",
        list: "a list",
        dict: "an object",
        Literal: "a string",
    }
)


class _Place(NamedTuple):
    """Where in a request an error is, in both spellings, and what belongs there."""

    member: str  # as the request spells it: JobRunIds[0]
    path: str  # as AWS spells it: jobRunIds.1.member
    wanted: Any  # the annotation, bare
    part: str = ""  # of a map: "Map keys" or "Map value"


def explained(error: ValidationError, shape: type[Shape]) -> RequestError:
    """Return the error to answer for a request that does not validate as `shape`."""
    details = error.errors(include_url=False)
    for detail in details:
        if _rule(detail) is None:
            return SerializationError(_wrong_type(detail, _place(shape, detail["loc"])))
    violations = "; ".join(_violation(detail, _place(shape, detail["loc"])) for detail in details[:_MAX_SHOWN])
    noun = "error" if len(details) == 1 else "errors"
    return InvalidInputError(f"{len(details)} validation {noun} detected: {violations}")


def _violation(detail: ErrorDetails, place: _Place) -> str:
    rule = f"{place.part} must satisfy constraint: [{_rule(detail)}]" if place.part else _rule(detail)
    value = "null" if _is_null(detail) else f"'{shown(detail['input'])}'"
    return f"Value {value} at '{place.path}' failed to satisfy constraint: {rule}"


def _rule(detail: ErrorDetails) -> str | None:
    """Return the rule that was broken, or None: the value is of another type than any rule is about."""
    if _is_null(detail):
        return "Member must not be null"
    context = detail.get("ctx", {})
    rule: str | None = None
    match detail["type"]:
        case "string_too_short" | "too_short":
            rule = f"Member must have length greater than or equal to {context['min_length']}"
        case "string_too_long" | "too_long":
            rule = f"Member must have length less than or equal to {context['max_length']}"
        case "greater_than_equal" if context["ge"] not in _BITS:
            rule = f"Member must have value greater than or equal to {context['ge']}"
        case "less_than_equal" if context["le"] not in _BITS:
            rule = f"Member must have value less than or equal to {context['le']}"
        case "string_pattern_mismatch":
            rule = f"Member must satisfy regular expression pattern: {_PATTERNS[context['pattern']]}"
        case "literal_error" if isinstance(detail["input"], str):
            values = re.findall("'([^']*)'", context["expected"])
            rule = f"Member must satisfy enum value set: [{', '.join(values)}]"
    return rule


def _is_null(detail: ErrorDetails) -> bool:
    return detail["type"] == "missing" or detail["input"] is None


def _wrong_type(detail: ErrorDetails, place: _Place) -> str:
    wanted = _JSON_TYPES.get(get_origin(place.wanted) or place.wanted, "an object")
    context = detail.get("ctx", {})
    bits = _BITS.get(context.get("ge", context.get("le")))
    if bits is not None:
        wanted = f"an integer of {bits} bits"
    value = detail["input"]
    found = _JSON_TYPES.get(type(value), "something else")
    if isinstance(value, int | float) and not isinstance(value, bool):
        found = f"the number {shown(value)}"
    return f"The member '{shown(place.member)}' must be {wanted}, not {found}."


def _place(shape: type[Shape], location: tuple[int | str, ...]) -> _Place:
    """Follow pydantic's location through the annotations; only they tell a map's key from a member's name."""
    place = _Place(member="", path="", wanted=shape)
    for step in location:
        place = _deeper(place, step)
    return place


def _deeper(place: _Place, step: int | str) -> _Place:
    if isinstance(step, int):
        (items,) = get_args(place.wanted)
        return _Place(f"{place.member}[{step}]", f"{place.path}.{step + 1}.member", _bare(items))
    if get_origin(place.wanted) is dict:
        _, values = get_args(place.wanted)
        return _Place(f"{place.member}.{step}", place.path, _bare(values), part="Map value")
    if place.part:  # behind a map's key there is only pydantic's mark that the key itself is meant
        return place._replace(part="Map keys")
    fields: Mapping[str, FieldInfo] = place.wanted.model_fields
    annotation = next(field.annotation for field in fields.values() if field.validation_alias == step)
    dot = "." if place.member else ""
    return _Place(f"{place.member}{dot}{step}", f"{place.path}{dot}{step[:1].lower()}{step[1:]}", _bare(annotation))


def _bare(annotation: Any) -> Any:
    """Return an annotation without its constraints and without its "or None"."""
    while get_origin(annotation) in (Annotated, Union, UnionType):
        annotation = get_args(annotation)[0]
    return annotation

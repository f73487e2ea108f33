"""From the bytes of a request to its shape; everything that is not one is refused with a sentence.

Source: glue-semantics §1.3; reliability.md S6 (what a JSON parser lets through).
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import ValidationError

from orchestrator.wire.errors import SerializationError
from orchestrator.wire.shape import Shape
from orchestrator.wire.text import shown
from orchestrator.wire.violations import explained

MAX_DEPTH: Final = 64
_MAX_DIGITS: Final = 100
_STRING: Final = r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)'  # one that is never closed is taken whole: linear time
_STRINGS_AND_BRACKETS: Final = re.compile(_STRING + r"|[\[\]{}]", re.DOTALL)
_STRINGS_AND_NUMBERS: Final = re.compile(_STRING + r"|-?(?:[0-9][0-9.eE+-]*+|Infinity|NaN)", re.DOTALL)
_ESCAPED_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")

_Shape = TypeVar("_Shape", bound=Shape)


def decode(body: bytes, shape: type[_Shape]) -> _Shape:
    """Return the request in `body`; an empty body is an empty object.

    Raises:
        SerializationError: the body is not one JSON object of UTF-8 text, or a member is of another JSON type.
        InvalidInputError: a member breaks a rule of Glue's model.
    """
    return from_members(_members(body) if body else {}, shape)


def from_members(members: Mapping[str, object], shape: type[_Shape]) -> _Shape:
    """Return the shape with `members`, which have Glue's names (a parsed body, a table of a job file).

    Raises:
        SerializationError: a member is of another JSON type.
        InvalidInputError: a member breaks a rule of Glue's model.
    """
    try:
        return shape.model_validate(members, by_alias=True, by_name=False)
    except ValidationError as error:
        raise explained(error, shape) from None


def _members(body: bytes) -> dict[str, object]:
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        sentence = f"The request body is not UTF-8: {error.reason} at byte {error.start}."
        raise SerializationError(sentence) from None
    if text.startswith("\ufeff"):
        sentence = "The request body begins with a byte order mark; it must begin with an object."
        raise SerializationError(sentence)
    if text.count("[") + text.count("{") > MAX_DEPTH:
        _check_depth(text)
    value = _parsed(text)
    if not isinstance(value, dict):
        sentence = "The request body is JSON, but not an object."
        raise SerializationError(sentence)
    if _ESCAPED_SURROGATE.search(body):
        _check_surrogates(value, "")
    return value


def _parsed(text: str) -> object:
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        sentence = f"The request body is not JSON: {error}."
        raise SerializationError(sentence) from None
    except _RefusedNumberError as refused:
        place = _place(text, refused.spelling)
        sentence = f"The request body has {refused.reason}: {shown(refused.spelling)} at {place}."
        raise SerializationError(sentence) from None


class _RefusedNumberError(Exception):
    """A number that JSON or Python cannot hold."""

    def __init__(self, spelling: str, reason: str) -> None:
        super().__init__(reason)
        self.spelling = spelling
        self.reason = reason


def _integer(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise _RefusedNumberError(digits, f"a number of {len(digits)} digits")
    return int(digits)


def _double(digits: str) -> float:
    value = float(digits)
    if value in (float("inf"), float("-inf")):
        raise _RefusedNumberError(digits, "a number that no double can hold")
    return value


def _constant(spelling: str) -> float:
    raise _RefusedNumberError(spelling, "a value that is not JSON")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):  # which of the two was meant is anybody's guess
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        sentence = f"The request body has the member '{shown(twice)}' more than once in one object."
        raise SerializationError(sentence)
    return members


_DECODER: Final = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_int=_integer,
    parse_float=_double,
    parse_constant=_constant,
)


def _check_depth(text: str) -> None:
    """Refuse what would exhaust the parser's stack."""
    depth = 0
    for token in _STRINGS_AND_BRACKETS.finditer(text):
        if token[0] in "[{":
            depth += 1
        elif token[0] in "]}":
            depth -= 1
        if depth > MAX_DEPTH:
            sentence = f"The request body is nested deeper than {MAX_DEPTH} levels at character {token.start()}."
            raise SerializationError(sentence)


def _check_surrogates(value: object, member: str) -> None:
    """Refuse a lone surrogate: it has no UTF-8 form, so it can neither be stored nor given to a process."""
    if isinstance(value, str) and not _has_utf8_form(value):
        sentence = f"The text of '{shown(member)}' has a lone surrogate, which is not a character."
        raise SerializationError(sentence)
    if isinstance(value, list):
        for position, item in enumerate(value):
            _check_surrogates(item, f"{member}[{position}]")
    if isinstance(value, dict):
        for name, item in value.items():
            if not _has_utf8_form(name):
                sentence = f"The member name '{shown(name)}' has a lone surrogate, which is not a character."
                raise SerializationError(sentence)
            _check_surrogates(item, f"{member}.{name}" if member else name)


def _has_utf8_form(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _place(text: str, spelling: str) -> str:
    """Say where the first such number or constant stands, strings left aside."""
    start = next(token.start() for token in _STRINGS_AND_NUMBERS.finditer(text) if token[0] == spelling)
    line = text.count("\n", 0, start) + 1
    column = start - text.rfind("\n", 0, start)
    return f"line {line} column {column}"

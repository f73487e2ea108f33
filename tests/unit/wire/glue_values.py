"""Values for Glue's shapes, drawn from botocore's model, and what botocore and the model's rules say of them.

Nothing here knows our own shapes: it is the oracle that they are held against.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.model import OperationModel, ServiceModel, Shape
from botocore.validate import ParamValidator
from hypothesis import strategies as st

from tests.support.shape_generator import OPAQUE, OPEN_ENUMS, glue_model

SERVICE: Final = ServiceModel(glue_model(), "glue")
_INT32: Final = (-(2**31), 2**31 - 1)
_EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    r"^((\w+\.)+\w+|auto)$": ("5.1", "0.9", "auto", "a.b.c"),
    r"^(Sun|Mon|Tue|Wed|Thu|Fri|Sat):([01]?[0-9]|2[0-3])$": ("Sun:5", "Sat:23", "Mon:07"),
    r"^([2-3]|3[.]9)$": ("2", "3", "3.9"),
    r"arn:aws(-(cn|us-gov|iso(-[bef])?))?:glue:.*": ("arn:aws:glue:us-east-1:123456789012:job/etl", "arn:aws-cn:glue:"),
}
_ODD_TEXTS: Final = (
    "",
    "\0",
    "a\n",
    "5.1\n",
    "3\n",
    "Sun:5\n",
    "a\r",
    "\t",
    "\x7f",
    "\x85",
    "\u2028",
    "\ufffe",
    "\U0010ffff",
    "5.é",
    "4",
)
_ODD_VALUES: Final[tuple[Any, ...]] = (
    "x",
    5,
    5.0,
    5.5,
    0,
    -1,
    True,
    False,
    None,
    [],
    {},
    [None],
    {"a": None},
    {"a": 1},
    2**31,
    2**63,
    -(2**31) - 1,
)


def operation(action: str) -> OperationModel:
    """Return botocore's model of an operation."""
    return SERVICE.operation_model(action)


def valid(shape: Shape) -> st.SearchStrategy[Any]:  # noqa: PLR0911 - one return for each type of the model
    """Return a strategy for values that Glue accepts."""
    if shape.name in OPAQUE:
        return st.dictionaries(_plain_text(1, 5), st.just({}), max_size=2)
    match shape.type_name:
        case "structure":
            members = {name: valid(member) for name, member in shape.members.items()}
            required = {name: members.pop(name) for name in shape.required_members}
            return st.fixed_dictionaries(required, optional=members)
        case "list":
            low, high = _range(shape, 0, 3)
            return st.lists(valid(shape.member), min_size=low, max_size=min(high, 3))
        case "map":
            return st.dictionaries(valid(shape.key), valid(shape.value), max_size=3)
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(*_range(shape, *_INT32))
        case "double":
            return st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(10**9), 10**9)
        case "timestamp":
            return st.integers(0, 4_102_444_800_000).map(lambda ms: ms / 1000)
    return _valid_text(shape)


def _valid_text(shape: Shape) -> st.SearchStrategy[str]:
    pattern = shape.metadata.get("pattern")
    if shape.metadata.get("enum"):
        return st.sampled_from(shape.metadata["enum"])
    if pattern in _EXAMPLES:
        return st.sampled_from(_EXAMPLES[pattern])
    low, high = _range(shape, 0, 30)
    return _plain_text(low, min(high, 30)) | st.just("x" * high)


def _plain_text(low: int, high: int) -> st.SearchStrategy[str]:
    return st.text("ab Z09-_.:/ä😀", min_size=low, max_size=high)


def odd(shape: Shape) -> Iterator[Any]:
    """Return values that are like `filled` but for one place, where each odd thing stands once."""
    yield from _ODD_VALUES
    if shape.name in OPAQUE:
        return
    match shape.type_name:
        case "structure":
            whole = filled(shape)
            for name, member in shape.members.items():
                yield {other: item for other, item in whole.items() if other != name}
                yield from ({**whole, name: item} for item in odd(member))
        case "list":
            yield from ([filled(shape.member)] * length for length in _bounds(shape))
            yield from ([filled(shape.member), item] for item in odd(shape.member))
        case "map":
            yield from ({f"k{number}": "v" for number in range(size)} for size in _bounds(shape))
            yield from ({text: filled(shape.value)} for text in _odd_texts(shape.key))
            yield from ({filled(shape.key): item} for item in odd(shape.value))
        case "integer":
            low, high = _range(shape, *_INT32)
            yield from (low - 1, low, high, high + 1)
        case "string":
            yield from _odd_texts(shape)


def _odd_texts(shape: Shape) -> Iterator[str]:
    yield from _ODD_TEXTS
    yield from _EXAMPLES.get(shape.metadata.get("pattern", ""), ())
    yield from ("x" * length for length in _bounds(shape))


def _bounds(shape: Shape) -> tuple[int, ...]:
    low, high = _range(shape, 0, 5)
    return (max(low - 1, 0), low, high, high + 1)


def filled(shape: Shape) -> Any:  # noqa: PLR0911 - one return for each type of the model
    """Return a value with every member that the shape has."""
    if shape.name in OPAQUE:
        return {"node": {}}
    match shape.type_name:
        case "structure":
            return {name: filled(member) for name, member in shape.members.items()}
        case "list":
            return [filled(shape.member)]
        case "map":
            return {filled(shape.key): filled(shape.value)}
        case "boolean":
            return True
        case "integer":
            return 7
        case "double":
            return 10.0
        case "timestamp":
            return 1602873931.255
    examples = _EXAMPLES.get(shape.metadata.get("pattern", ""), ("text",))
    return (shape.metadata.get("enum") or examples)[0]


def is_accepted(shape: Shape, value: Any) -> bool:
    """Say whether Glue accepts the value: botocore does, and the rules hold that botocore leaves to the server."""
    present = _without_nulls(shape, value)
    return not ParamValidator().validate(present, shape).has_errors() and _keeps_rules(shape, present)


def _without_nulls(shape: Shape, value: Any) -> Any:
    """Return the value as it arrives: a member that is null is absent."""
    if shape.type_name == "structure" and isinstance(value, dict):
        known = {name: item for name, item in value.items() if name in shape.members and item is not None}
        return {name: _without_nulls(shape.members[name], item) for name, item in known.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_without_nulls(shape.member, item) for item in value]
    return value


def _keeps_rules(shape: Shape, value: Any) -> bool:
    if shape.name in OPAQUE:
        return True
    match shape.type_name:
        case "structure":
            return all(_keeps_rules(shape.members[name], item) for name, item in value.items())
        case "list":
            return _fits(shape, len(value)) and all(_keeps_rules(shape.member, item) for item in value)
        case "map":
            pairs_fit = all(
                _keeps_rules(shape.key, key) and _keeps_rules(shape.value, item) for key, item in value.items()
            )
            return _fits(shape, len(value)) and pairs_fit
        case "integer":  # botocore takes True for 1, and any number of bits
            return not isinstance(value, bool) and _INT32[0] <= value <= _INT32[1] and _fits(shape, value)
        case "double":
            return not isinstance(value, bool)
        case "string":
            return _fits(shape, len(value)) and _matches(shape, value)
    return True


def _matches(shape: Shape, value: str) -> bool:
    enum, pattern = shape.metadata.get("enum"), shape.metadata.get("pattern")
    if enum:
        return value in enum or shape.name in OPEN_ENUMS
    if pattern is None:
        return True
    if pattern == ".*":  # Java's dot
        return not set(value) & set("\n\r\x85\u2028\u2029")
    spelled = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
    return re.fullmatch(spelled, value, re.ASCII) is not None


def _fits(shape: Shape, number: float) -> bool:
    low, high = _range(shape, float("-inf"), float("inf"))
    return bool(low <= number <= high)


def _range(shape: Shape, low: Any, high: Any) -> tuple[Any, Any]:
    return shape.metadata.get("min", low), shape.metadata.get("max", high)

"""Ways to spoil a request that was right: one fault each, and what the answer must say of it."""

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.fuzz.values import Node, Values
from tests.support.shape_generator import OPAQUE, OPEN_ENUMS

_OF_OTHER_TYPES: Final[Mapping[str, tuple[Any, ...]]] = {
    "string": (1, 1.5, True, [], ["a"], {}, {"a": "b"}),
    "integer": ("1", "", 1.5, True, [], {}),
    "long": ("1", 2.5, False, [], {}),
    "double": ("1", "NaN", True, [], {}),
    "boolean": ("true", 0, 1, [], {}),
    "list": ("a", 1, {}, {"0": "a"}, True),
    "map": ("a", 1, [], [["a", "b"]], False),
    "structure": ("a", 1, [], [{}], True),
}
_RAW: Final = "\x00raw\x00"
"""Marks a value that is put into the text unspelled, because no value of Python's has that spelling."""


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A body with a fault, or with something odd that is none."""

    how: str
    body: bytes
    is_refused: bool = False  # it must be; otherwise it may be
    member: str | None = None  # the one that the answer must name


@dataclass(frozen=True, slots=True)
class Subject:
    """A request that is right, and all that is in it."""

    request: dict[str, Any]
    shapes: Mapping[str, Any]
    nodes: Sequence[Node]
    chance: random.Random

    @classmethod
    def of(cls, request: dict[str, Any], shape: str, values: Values) -> "Subject":
        """Look a request over."""
        return cls(request, values.shapes, list(values.nodes(request, shape)), values.chance)

    def some(self, *kinds: str) -> Node | None:
        """Return a value of one of these kinds; none named: of any."""
        nodes = [
            one
            for one in self.nodes
            if one.shape not in OPAQUE and (not kinds or self.shapes[one.shape]["type"] in kinds)
        ]
        return self.chance.choice(nodes) if nodes else None

    def at(self, node: Node, value: Any, how: str, *, is_refused: bool = True) -> "Spoiled":
        """Return the request with another value there."""
        node.holder[node.key] = value
        return Spoiled(how, spelled(self.request), is_refused, node.member if is_refused else None)

    def raw(self, node: Node, text: str, how: str) -> "Spoiled":
        """Return the request with a value there that is spelled so."""
        node.holder[node.key] = _RAW
        body = spelled(self.request).replace(spelled(_RAW), text.encode())
        return Spoiled(how, body, is_refused=True, member=node.member)


_Spoiler = Callable[[Subject], "Spoiled | None"]


def spoil(subject: Subject) -> Spoiled:
    """Return the request with one fault."""
    while True:
        found = subject.chance.choice(_SPOILERS)(subject)
        if found is not None:
            return found


def spelled(request: Any) -> bytes:
    """Return a request's text."""
    return json.dumps(request, ensure_ascii=False).encode()


def _wrong_type(subject: Subject) -> Spoiled | None:
    node = subject.some()
    if node is None:
        return None
    kind = subject.shapes[node.shape]["type"]
    return subject.at(node, subject.chance.choice(_OF_OTHER_TYPES[kind]), f"a {kind} of another type")


def _null(subject: Subject) -> Spoiled | None:
    node = subject.some()
    if node is None:
        return None
    return subject.at(node, None, "null", is_refused=node.is_required)


def _missing(subject: Subject) -> Spoiled | None:
    nodes = [one for one in subject.nodes if one.is_required and one.key == one.member]
    if not nodes:
        return None
    node = subject.chance.choice(nodes)
    value = node.holder.pop(node.key)
    how = "a member that is missing"
    if subject.chance.random() < 0.5:
        node.holder[subject.chance.choice([str.lower, str.upper, str.swapcase])(str(node.key))] = value
        how = "a member of another case"
    return Spoiled(how, spelled(subject.request), is_refused=True, member=node.member)


def _extra(subject: Subject) -> Spoiled | None:
    name = subject.chance.choice(["New", "", "__proto__", "jobName", "__type", "a" * 5000, "\u202e\0"])
    subject.request[name] = subject.chance.choice([None, {"a": [1, {}]}, "x", 1e300, [[]] * 20])
    return Spoiled("a member that is unknown", spelled(subject.request))


def _out_of_bounds(subject: Subject) -> Spoiled | None:
    node = subject.some("integer", "long", "string", "list")
    if node is None:
        return None
    shape = subject.shapes[node.shape]
    kind, least, most = shape["type"], shape.get("min"), shape.get("max")
    if kind in ("integer", "long"):
        bits = 32 if kind == "integer" else 64
        worst = [2 ** (bits - 1), -(2 ** (bits - 1)) - 1, 10**50, -(10**90)]
        worst += [] if least is None else [least - 1]
        worst += [] if most is None else [most + 1]
        return subject.at(node, subject.chance.choice(worst), "a number out of bounds")
    if "enum" in shape:
        return None
    if most is not None and most < 50_000:
        longer: Any = "a" * (most + 1) if kind == "string" else ["a"] * (most + 1)
        return subject.at(node, longer, f"a {kind} that is too long")
    if least:
        return subject.at(node, "" if kind == "string" else [], f"a {kind} that is too short")
    return None


def _not_in_pattern(subject: Subject) -> Spoiled | None:
    node = subject.some("string")
    if node is None or "pattern" not in subject.shapes[node.shape] or node.shape == "RuntimeNameString":
        return None
    return subject.at(node, "a\0:*", "a text that no pattern allows")


def _not_in_enum(subject: Subject) -> Spoiled | None:
    node = subject.some("string")
    if node is None or "enum" not in subject.shapes[node.shape]:
        return None
    some = subject.shapes[node.shape]["enum"][0]
    value = subject.chance.choice(["NOPE", "", some.lower(), some + " ", "\u202e"])
    is_refused = node.shape not in OPEN_ENUMS and value not in subject.shapes[node.shape]["enum"]
    return subject.at(node, value, "a value that no enum has", is_refused=is_refused)


def _not_a_number(subject: Subject) -> Spoiled | None:
    node = subject.some("integer", "long", "double")
    if node is None:
        return None
    text = subject.chance.choice(
        ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "9" * 5000, "01", "0x10", "+1", "1."]
    )
    spoiled = subject.raw(node, text, "a number that is none")
    return Spoiled(spoiled.how, spoiled.body, is_refused=True)  # the parser's: it tells line and column


def _negative(subject: Subject) -> Spoiled | None:
    node = subject.some("integer", "long", "double")
    if node is None:
        return None
    is_double = subject.shapes[node.shape]["type"] == "double"
    value = subject.chance.choice([-1, -(2**31), 0, -1e-300] if is_double else [-1, -(2**31), 0])
    return subject.at(node, value, "a negative number", is_refused=False)


def _odd_text(subject: Subject) -> Spoiled | None:
    node = subject.some("string")
    if node is None or "enum" in subject.shapes[node.shape]:
        return None
    value = subject.chance.choice(
        ["\0", "\u202egnp.exe", "a\r\nb", "\x1b[31m", "../../x", "\ufffe", "ä" * 300, " ", "%00"]
    )
    return subject.at(node, value, "an odd text", is_refused=False)


def _lone_surrogate(subject: Subject) -> Spoiled | None:
    node = subject.some("string")
    if node is None:
        return None
    return subject.raw(
        node, subject.chance.choice(['"\\ud800"', '"a\\uDFFFb"', '"\\udc00\\ud800"']), "a lone surrogate"
    )


def _odd_key(subject: Subject) -> Spoiled | None:
    node = subject.some("map")
    if node is None:
        return None
    key = subject.chance.choice(["", "\0", "\u202e", "--", "--=", "--a b", "ä" * 200, "--orchestrator-python"])
    return subject.at(node, {key: "x"}, "an odd key", is_refused=False)


def _deep(subject: Subject) -> Spoiled | None:
    levels = subject.chance.choice([70, 1000, 100_000])
    opening, closing = subject.chance.choice([("[", "]"), ('{"a":', "}")])
    end = closing * levels if subject.chance.random() < 0.5 else ""
    middle = opening * levels + ("1" if closing == "}" else "") + end
    return Spoiled("deep nesting", b'{"New": ' + middle.encode() + b"}", is_refused=True)


def _twice(subject: Subject) -> Spoiled | None:
    if not subject.request:
        return None
    member = subject.chance.choice(list(subject.request))
    text = spelled({member: subject.request[member]})[:-1] + b", " + spelled(subject.request)[1:]
    return Spoiled("a member twice", text, is_refused=True, member=member)


def _other_body(subject: Subject) -> Spoiled | None:
    text = spelled(subject.request)
    body = subject.chance.choice(
        [
            b"[" + text + b"]",
            b"null",
            b'"' + text.hex().encode() + b'"',
            b"1",
            b"\xef\xbb\xbf" + text,
            text + b"}",
            text + text,
            text.decode().encode("utf-16"),
            text.replace(b"{", b"{\xff", 1),
            b"\0" * 50,
            b"<xml/>",
        ]
    )
    return Spoiled("a body that is no object", body, is_refused=True)


def _truncated(subject: Subject) -> Spoiled | None:
    text = spelled(subject.request)
    return Spoiled("a truncated body", text[: subject.chance.randint(1, len(text) - 1)], is_refused=True)


def _mutated(subject: Subject) -> Spoiled | None:
    body = bytearray(spelled(subject.request))
    for _ in range(subject.chance.randint(1, 6)):
        at = subject.chance.randrange(len(body))
        match subject.chance.randrange(4):
            case 0:
                body[at] = subject.chance.randrange(256)
            case 1:
                body[at : at + subject.chance.randint(0, 8)] = b""
            case 2:
                body[at:at] = subject.chance.choice(
                    [b'"', b"{", b"[", b"]", b",", b":", b"\\", b"\\u", b"-", b"e", b"\xc3"]
                )
            case _:
                body[at:at] = body[: subject.chance.randrange(len(body) + 1)][:200]
        if not body:
            body = bytearray(b"{")
    return Spoiled("mutated bytes", bytes(body))


_SPOILERS: Final[tuple[_Spoiler, ...]] = (
    _wrong_type,
    _wrong_type,
    _null,
    _missing,
    _extra,
    _out_of_bounds,
    _out_of_bounds,
    _not_in_pattern,
    _not_in_enum,
    _not_a_number,
    _negative,
    _odd_text,
    _lone_surrogate,
    _odd_key,
    _deep,
    _twice,
    _other_body,
    _truncated,
    _mutated,
)

"""How a caller's text is shown in our sentences, and how no text breaks the encoding of an answer."""

import re
from collections.abc import Mapping
from typing import Final

SHOWN_CHARACTERS: Final = 200
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_BASIC_PLANE_END: Final = 0xFFFF


def shown(value: object) -> str:
    """Return `value` as Glue's sentences show one: cut at 200 characters, nothing unprintable left."""
    text = _spelled(value)
    cut = text[:SHOWN_CHARACTERS]
    escaped = cut if cut.isprintable() else "".join(_escaped(character) for character in cut)
    return escaped if len(text) <= SHOWN_CHARACTERS else f"{escaped}..."


def without_surrogates(text: str) -> str:
    """Return `text` with each lone surrogate, which has no UTF-8 form, replaced by U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)


def _spelled(value: object) -> str:
    """Spell a JSON value as Java's toString does, which is what clients know from AWS."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(_spelled(item) for item in value[:SHOWN_CHARACTERS])}]"
    if isinstance(value, Mapping):
        pairs = list(value.items())[:SHOWN_CHARACTERS]
        return f"{{{', '.join(f'{key}={_spelled(item)}' for key, item in pairs)}}}"
    return "null" if value is None else str(value)


def _escaped(character: str) -> str:
    if character.isprintable():
        return character
    code = ord(character)
    return f"\\u{code:04x}" if code <= _BASIC_PLANE_END else f"\\U{code:08x}"

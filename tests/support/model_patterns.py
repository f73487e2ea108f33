"""Translates the patterns of botocore's models, which are Java's, into the syntax of Rust's regex crate."""

import re
from collections.abc import Mapping
from typing import Final

_ASTRAL: Final = r"\uD800\uDC00-\uDBFF\uDFFF"
_PATTERN_TOKENS: Final = re.compile(
    rf"{re.escape(_ASTRAL)}|\\u[0-9A-Fa-f]{{4}}|\\.|\[\[|\[\^|\(\?(?!:)|&&|--|~~|.", re.DOTALL
)
_CLASSES: Final[Mapping[str, str]] = {r"\w": "0-9A-Za-z_", r"\d": "0-9"}
_SAME_ESCAPES: Final = (r"\t", r"\n", r"\r")


class UnknownConstructError(Exception):
    """The model uses something that has no translation."""


def translate(pattern: str) -> str:
    r"""Return a pattern of the model, which is Java's and matches whole values, in the syntax of Rust's regex crate.

    Java writes characters above U+FFFF as surrogate pairs, its `\w` and `\d` are ASCII, its `.` ends at line ends.

    Raises:
        UnknownConstructError: names what has no translation.
    """
    translated, in_class = "", False
    for token in _PATTERN_TOKENS.findall(pattern):
        if token == _ASTRAL:
            translated += r"\u{10000}-\u{10FFFF}"
        elif token.startswith(r"\u"):
            if re.match(r"\\u[dD][89a-fA-F]", token):
                raise UnknownConstructError(f"a lone surrogate in {pattern}")
            translated += rf"\u{{{token[2:].upper()}}}"
        elif token in _CLASSES:
            translated += _CLASSES[token] if in_class else f"[{_CLASSES[token]}]"
        elif token == "." and not in_class:
            translated += r"[^\n\r\u{85}\u{2028}\u{2029}]"
        elif (token.startswith("\\") and token[1:].isalnum() and token not in _SAME_ESCAPES) or (
            token in ("(?", "&&", "--", "~~", "[[")
        ):
            raise UnknownConstructError(f"{token} in {pattern}")
        else:
            translated += token
            in_class = (in_class or token in ("[", "[^")) and token != "]"
    return rf"\A(?:{translated})\z"

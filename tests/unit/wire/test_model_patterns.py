"""A pattern of the model means in our shapes what it means in Java; what cannot be said is refused."""

from typing import Annotated

import pytest
from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from tests.support.model_patterns import UnknownConstructError, translate
from tests.support.shape_generator import glue_model


def matches(pattern: str, value: str) -> bool:
    """Say whether the translated pattern matches the value, with the engine that the shapes use."""
    adapter = TypeAdapter(
        Annotated[str, Field(pattern=translate(pattern))], config=ConfigDict(regex_engine="rust-regex")
    )
    try:
        adapter.validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (
            r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*",
            ["", "\t ~\x7f", "\U00010000\U0010ffff\ufffd"],
            ["\n", "\0", "\ufffe"],
        ),
        (r"^(\w+\.)+\w+$", ["5.1", "a_.b.c"], ["5", "5.é", "5.1\n", "x 5.1", "\uff15.1"]),
        (r"[\w.]+", ["a.b"], ["é", ""]),
        (r"a\d?", ["a", "a1"], ["a\u0661", "a12"]),
        (r".*", ["", "ab\t"], ["a\nb", "\r", "\u2028", "\u0085"]),
        (r"[.]\.", [".."], ["a."]),
        (r"[^]a]", ["b"], ["a", "]"]),
        (r"a|b", ["a", "b"], ["ab", "xb"]),
        (r"(?:ab)+", ["abab"], ["a"]),
    ],
)
def test_a_translated_pattern_matches_whole_values_as_javas_does(
    pattern: str, matching: list[str], other: list[str]
) -> None:
    assert [value for value in (*matching, *other) if matches(pattern, value)] == matching


@pytest.mark.parametrize("pattern", [r"\p{L}", r"\bx", r"(?!a)b", r"[a&&b]", r"[[a]b]", r"\uD800", r"(?i)a"])
def test_what_has_no_translation_is_refused(pattern: str) -> None:
    with pytest.raises(UnknownConstructError):
        translate(pattern)


def test_most_patterns_of_glue_have_a_translation_that_compiles() -> None:
    patterns = {shape["pattern"] for shape in glue_model()["shapes"].values() if "pattern" in shape}
    refused = set()
    for pattern in patterns:
        try:
            matches(pattern, "a")
        except UnknownConstructError:
            refused.add(pattern)

    assert len(refused) < len(patterns) / 4

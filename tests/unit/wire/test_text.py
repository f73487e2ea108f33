"""A caller's text in our sentences is short and shows what cannot be seen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.wire.text import shown, without_surrogates


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a b", "a b"),
        ("a\x1b[2J\u202e\U000e0001", r"a\u001b[2J\u202e\U000e0001"),
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 200 + "..."),
        (5, "5"),
        (0.0625, "0.0625"),
        (True, "true"),
        (None, "null"),
        (["a", 1, [None]], "[a, 1, [null]]"),
        ({"a": {"b": False}}, "{a={b=false}}"),
    ],
)
def test_a_value_is_shown_as_aws_shows_it(value: object, text: str) -> None:
    assert shown(value) == text


@given(value=st.text(st.characters()))
def test_what_is_shown_is_printable_and_short(value: str) -> None:
    assert shown(value).isprintable()
    assert len(shown(value)) <= 10 * 200 + 3


@given(text=st.text(st.characters()))
def test_text_without_surrogates_always_has_a_utf8_form(text: str) -> None:
    assert len(without_surrogates(text).encode().decode()) == len(text)

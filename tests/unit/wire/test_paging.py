"""A token names one place in one listing: what was not given out for it is refused, whatever it looks like."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.model.errors import InvalidInputError
from orchestrator.wire.paging import decode_token, encode_token

_KEYS = st.integers(-(2**63), 2**63 - 1)
_NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=255)


def spelled(text: str) -> str:
    """Return a token with the text inside."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@given(key=_KEYS, scope=_NAMES)
def test_a_number_comes_back_from_its_token(key: int, scope: str) -> None:
    assert decode_token(encode_token("runs", key, scope), "runs", int, scope) == key


@given(key=_NAMES, scope=_NAMES)
def test_a_name_comes_back_from_its_token(key: str, scope: str) -> None:
    assert decode_token(encode_token("jobs", key, scope), "jobs", str, scope) == key


@pytest.mark.parametrize("token", [None, ""])
def test_no_token_is_the_first_page(token: str | None) -> None:
    assert decode_token(token, "runs", int) is None


@given(token=st.text(min_size=1))
def test_no_other_text_is_a_token(token: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a token of this listing"):
        decode_token(token, "runs", int)


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(encode_token("jobs", 5, "a"), id="another listing"),
        pytest.param(encode_token("runs", 5, "b"), id="another job"),
        pytest.param(encode_token("runs", "5", "a"), id="another kind of key"),
        pytest.param(encode_token("runs", True, "a"), id="a boolean"),
        pytest.param(encode_token("runs", 2**63, "a"), id="a number that no row has"),
        pytest.param(encode_token("runs", 5, "a") + "=", id="padding"),
        pytest.param(encode_token("runs", 5, "a") + "\n", id="a line end"),
        pytest.param(encode_token("runs", 5, "a")[:-1], id="cut short"),
        pytest.param(spelled("[]"), id="an empty list"),
        pytest.param(spelled("5"), id="no list"),
        pytest.param(spelled("[" * 2000), id="a nesting bomb"),
        pytest.param(spelled(f"[{'9' * 2900}]"), id="a long number"),
        pytest.param("A" * 100_000, id="a long token"),
        pytest.param("\ud800", id="a surrogate"),
        pytest.param("ä", id="not ASCII"),
    ],
)
def test_a_token_that_this_listing_did_not_give_out_is_refused(token: str) -> None:
    with pytest.raises(InvalidInputError, match="is not a token of this listing"):
        decode_token(token, "runs", int, "a")


def test_a_name_with_a_lone_surrogate_is_refused() -> None:
    token = spelled(r'[1,"jobs","","\ud800"]')

    with pytest.raises(InvalidInputError, match="is not a token of this listing"):
        decode_token(token, "jobs", str)


def test_a_token_can_stand_in_an_address() -> None:
    assert set(encode_token("jobs", "äöü?&/\U0001f600", "s")) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )

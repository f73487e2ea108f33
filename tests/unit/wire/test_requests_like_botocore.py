"""Our shapes accept and refuse what botocore and the rules of Glue's model do, and lose nothing of what they accept."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.model.errors import RequestError
from orchestrator.wire.decode import decode
from orchestrator.wire.encode import encode
from orchestrator.wire.shapes import REQUESTS
from tests.support.shape_generator import ACTIONS
from tests.unit.wire.glue_values import is_accepted, odd, operation, valid

_ACTION = st.sampled_from(ACTIONS)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
_slow_draws = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def _is_decoded(action: str, value: Any) -> bool:
    try:
        decode(json.dumps(value).encode(), REQUESTS[action])
    except RequestError:
        return False
    return True


@pytest.mark.parametrize("action", ACTIONS)
def test_a_request_with_something_odd_is_accepted_exactly_when_glue_accepts_it(action: str) -> None:
    shape = operation(action).input_shape
    expected = [(value, is_accepted(shape, value)) for value in odd(shape)]

    assert {True, False} <= {accepted for _, accepted in expected}
    assert [value for value, accepted in expected if _is_decoded(action, value) != accepted] == []


@pytest.mark.parametrize("action", ACTIONS)
@given(data=st.data())
@_slow_draws
def test_a_valid_request_is_decoded_and_encoded_without_loss(action: str, data: st.DataObject) -> None:
    shape = operation(action).input_shape
    value = data.draw(valid(shape))

    assert is_accepted(shape, value)
    assert value == json.loads(encode(decode(json.dumps(value).encode(), REQUESTS[action])))


@given(action=_ACTION, value=_JSON)
def test_any_json_ends_in_a_shape_or_a_modelled_error(action: str, value: Any) -> None:
    _is_decoded(action, value)


@given(action=_ACTION, body=st.binary())
def test_any_bytes_end_in_a_shape_or_a_modelled_error(action: str, body: bytes) -> None:
    with contextlib.suppress(RequestError):
        decode(body, REQUESTS[action])

"""Our shapes accept and refuse what botocore and the rules of Glue's model do, and lose nothing of what they accept."""

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

_slow_draws = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


def _is_decoded(action: str, value: Any) -> bool:
    try:
        decode(json.dumps(value).encode(), REQUESTS[action])
    except RequestError:
        return False
    return True


@pytest.mark.parametrize("action", ACTIONS)
@given(data=st.data())
@_slow_draws
def test_a_request_with_something_odd_is_accepted_exactly_when_glue_accepts_it(
    action: str, data: st.DataObject
) -> None:
    shape = operation(action).input_shape
    value = data.draw(odd(shape))

    assert _is_decoded(action, value) == is_accepted(shape, value)


@pytest.mark.parametrize("action", ACTIONS)
@given(data=st.data())
@_slow_draws
def test_a_valid_request_is_decoded_and_encoded_without_loss(action: str, data: st.DataObject) -> None:
    shape = operation(action).input_shape
    value = data.draw(valid(shape))

    assert is_accepted(shape, value)
    assert value == json.loads(encode(decode(json.dumps(value).encode(), REQUESTS[action])))


@pytest.mark.parametrize("action", ACTIONS)
@given(
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_json_ends_in_a_shape_or_a_modelled_error(action: str, value: Any) -> None:
    _is_decoded(action, value)


@pytest.mark.parametrize("action", ACTIONS)
@given(body=st.binary())
def test_any_bytes_end_in_a_shape_or_a_modelled_error(action: str, body: bytes) -> None:
    try:
        decode(body, REQUESTS[action])
    except RequestError as error:
        assert str(error)

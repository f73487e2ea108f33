"""Our shapes are exactly what botocore's model gives, and botocore reads every response that they can say."""

from pathlib import Path
from typing import Any

import pytest
from botocore.model import Shape
from botocore.parsers import create_parser

from orchestrator.wire import shapes
from orchestrator.wire.decode import from_members
from orchestrator.wire.encode import encode
from orchestrator.wire.shapes import REQUESTS, RESPONSES
from tests.support import shape_generator
from tests.support.model_patterns import UnknownConstructError
from tests.support.shape_generator import ACTIONS, OPAQUE, TARGET, generate, glue_model
from tests.unit.wire.glue_values import filled, operation

pytestmark = pytest.mark.conformance


def is_known(shape: Shape, value: Any) -> bool:
    """Say whether every member of the value is one of the model's, and none is null."""
    if value is None:
        return False
    if shape.name in OPAQUE:
        return True
    match shape.type_name:
        case "structure":
            return all(name in shape.members and is_known(shape.members[name], item) for name, item in value.items())
        case "list":
            return all(is_known(shape.member, item) for item in value)
    return True


def plain(value: Any) -> Any:
    """Return what botocore parsed with times as numbers again."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.timestamp() if hasattr(value, "timestamp") else value


def test_the_checked_in_shapes_are_what_the_model_gives() -> None:
    assert generate(glue_model()) == TARGET.read_text(encoding="utf-8")
    assert Path(shapes.__file__) == TARGET


def test_the_check_of_the_generator_says_when_they_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(shape_generator, "TARGET", tmp_path / "shapes.py")
    monkeypatch.setattr(shape_generator, "LOGS_TARGET", tmp_path / "logs_shapes.py")
    assert shape_generator.main([]) == 0
    assert shape_generator.main(["--check"]) == 0

    shape_generator.TARGET.write_text("edited", encoding="utf-8")

    assert shape_generator.main(["--check"]) == 1
    assert "is not what the model gives" in capsys.readouterr().err


def test_a_construct_without_translation_is_refused() -> None:
    model = glue_model()
    changed = {**model, "shapes": {**model["shapes"], "RoleString": {"type": "blob"}}}

    with pytest.raises(UnknownConstructError, match="RoleString is a blob"):
        generate(changed)


@pytest.mark.parametrize("action", ACTIONS)
def test_every_response_with_all_its_members_is_read_by_botocore(action: str) -> None:
    shape = operation(action).output_shape
    value = filled(shape)
    body = encode(from_members(value, RESPONSES[action]))

    parsed = create_parser("json").parse({"status_code": 200, "headers": {}, "body": body}, shape)
    parsed.pop("ResponseMetadata")

    assert value == plain(parsed)
    assert is_known(shape, plain(parsed))


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(("side", "table"), [("input_shape", REQUESTS), ("output_shape", RESPONSES)])
def test_our_shapes_have_the_models_members_and_no_other(action: str, side: str, table: dict[str, Any]) -> None:
    names = {field.validation_alias for field in table[action].model_fields.values()}

    assert set(getattr(operation(action), side).members) == names


@pytest.mark.parametrize("action", ACTIONS)
def test_the_required_members_are_the_models(action: str) -> None:
    fields = REQUESTS[action].model_fields.values()
    required = {field.validation_alias for field in fields if field.is_required()}

    assert set(operation(action).input_shape.required_members) == required
    assert not any(field.is_required() for field in RESPONSES[action].model_fields.values())

"""What all of Glue's shapes have in common; the shapes themselves are generated (`shapes.py`)."""

from typing import Final

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel, to_pascal

INTEGER_MIN: Final = -(2**31)
INTEGER_MAX: Final = 2**31 - 1
LONG_MIN: Final = -(2**63)
LONG_MAX: Final = 2**63 - 1


class Shape(BaseModel):
    """A structure of Glue's model: snake_case inside, Glue's names outside.

    Newer SDKs send members that this model does not know, so those are ignored. Nothing is converted: a number for a
    string is refused, only an int for a double is fine.
    """

    model_config = ConfigDict(
        frozen=True,
        defer_build=True,  # each when it is first met: all of them take a tenth of the daemon's start
        strict=True,
        extra="ignore",
        allow_inf_nan=False,
        alias_generator=to_pascal,
        validate_by_alias=True,
        validate_by_name=True,  # our own code builds responses by name; `decode` switches this off
        serialize_by_alias=True,
        regex_engine="rust-regex",  # linear in the value's length, whatever the pattern
    )


class CamelShape(Shape):
    """A structure of a model that writes camelCase, as CloudWatch Logs' does."""

    model_config = ConfigDict(alias_generator=to_camel)

"""Tags: which are refused, and which resource an ARN names. Pure.

Source: https://docs.aws.amazon.com/glue/latest/dg/monitor-tags.html
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, get_args

from orchestrator.model.errors import EntityNotFoundError, InvalidInputError

MAX_TAGS: Final = 50
"""How many one resource may have."""
_RESERVED: Final = "aws:"
_ARN_PARTS: Final = 5  # arn:aws:glue:<region>:<account>, and behind them the resource, which may hold colons

Kind = Literal["job", "trigger", "workflow"]


@dataclass(frozen=True, slots=True)
class Resource:
    """Something that has tags."""

    kind: Kind
    name: str

    @property
    def key(self) -> str:
        """Return what an ARN ends in: `job/<name>`."""
        return f"{self.kind}/{self.name}"


def resource_of(arn: str) -> Resource:
    """Return what an ARN names. Partition, region and account are not looked at: clients make them up.

    Raises:
        EntityNotFoundError: a kind of resource that does not exist here, or no resource at all.
    """
    kind, slash, name = arn.split(":", _ARN_PARTS)[-1].partition("/")
    for known in get_args(Kind):
        if kind == known and slash and name:
            return Resource(known, name)
    raise EntityNotFoundError.resource(arn)


def check_keys(keys: Iterable[str]) -> None:
    """Refuse tags that callers may not set.

    Raises:
        InvalidInputError: a key that begins with `aws:`, which is AWS's.
    """
    for key in keys:
        if key.lower().startswith(_RESERVED):
            raise InvalidInputError(f"Tags: the key '{key}' begins with '{_RESERVED}', which is reserved for AWS.")


def with_added(before: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that a resource has when some are added.

    Raises:
        InvalidInputError: a reserved key, or more tags than a resource may have.
    """
    check_keys(added)
    after = {**before, **added}
    if len(after) > MAX_TAGS:
        raise InvalidInputError(f"Tags: the resource would have {len(after)} tags; at most {MAX_TAGS} are allowed.")
    return after

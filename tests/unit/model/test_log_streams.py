"""Log groups are named as Glue's are; a name and an ARN of any account and region mean the same."""

import pytest

from orchestrator.model.log_errors import LogNotFoundError, LogParameterError
from orchestrator.model.log_streams import GROUPS, named_group

GROUP = "/aws-glue/jobs/output"


def test_there_are_two_groups_for_each_kind_of_job() -> None:
    assert {name: (group.is_shell, group.stream) for name, group in GROUPS.items()} == {
        "/aws-glue/jobs/error": (False, "stderr"),
        "/aws-glue/jobs/output": (False, "stdout"),
        "/aws-glue/python-jobs/error": (True, "stderr"),
        "/aws-glue/python-jobs/output": (True, "stdout"),
    }
    assert list(GROUPS) == sorted(GROUPS)


@pytest.mark.parametrize(
    "identifier",
    [
        GROUP,
        f"arn:aws:logs:us-east-1:123456789012:log-group:{GROUP}",
        f"arn:aws:logs:eu-west-1:000000000000:log-group:{GROUP}:*",
        f"arn:aws-us-gov:logs:us-gov-west-1:123456789012:log-group:{GROUP}",
    ],
)
def test_an_identifier_is_a_name_or_an_arn(identifier: str) -> None:
    assert named_group(None, identifier) is GROUPS[GROUP]


@pytest.mark.parametrize("identifier", ["arn:aws:logs:us-east-1:1:log-group:/none", f"arn:aws:s3:::log-group:{GROUP}"])
def test_an_unknown_group_is_not_found(identifier: str) -> None:
    with pytest.raises(LogNotFoundError, match="The specified log group does not exist"):
        named_group(None, identifier)


@pytest.mark.parametrize("names", [(None, None), (GROUP, GROUP)])
def test_exactly_one_way_to_name_the_group_is_taken(names: tuple[str | None, str | None]) -> None:
    with pytest.raises(LogParameterError, match="Exactly one of logGroupName and logGroupIdentifier"):
        named_group(*names)

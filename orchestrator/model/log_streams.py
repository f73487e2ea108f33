"""Which log groups there are, and whose output each of them has: one group for each kind of job and each stream.

Source: https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html (the names of the groups).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal

from orchestrator.model.ids import JobRunId
from orchestrator.model.log_errors import LogNotFoundError, LogParameterError

_GROUP_ARN: Final = re.compile(r"arn:aws[a-z-]*:logs:[a-z0-9-]*:[0-9]*:log-group:([^:]+)(?::\*)?")
_SHELL: Final = "pythonshell"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGroup:
    """A log group: one output stream of the runs of one kind of job."""

    name: str
    is_shell: bool  # of pythonshell jobs; else of all others
    stream: Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedRun:
    """A run as its log streams need it."""

    seq: int
    id: JobRunId
    command_name: str
    started_on_ms: int
    launched_on_ms: int | None
    completed_on_ms: int | None
    launch_seq: int | None = None  # its place in the order of all launches; None: it has not been launched

    @property
    def has_ended(self) -> bool:
        """Say whether it writes no more."""
        return self.completed_on_ms is not None

    def is_of(self, group: LogGroup) -> bool:
        """Say whether the run has a stream in `group`."""
        return (self.command_name == _SHELL) == group.is_shell


GROUPS: Final[Mapping[str, LogGroup]] = MappingProxyType(
    {
        group.name: group
        for group in (
            LogGroup(name="/aws-glue/jobs/error", is_shell=False, stream="stderr"),
            LogGroup(name="/aws-glue/jobs/output", is_shell=False, stream="stdout"),
            LogGroup(name="/aws-glue/python-jobs/error", is_shell=True, stream="stderr"),
            LogGroup(name="/aws-glue/python-jobs/output", is_shell=True, stream="stdout"),
        )
    }
)
"""All groups, by name and in the order of their names."""


def name_in(identifier: str) -> str:
    """Return the name of the group that a name or an ARN (of any account and region) names."""
    match = _GROUP_ARN.fullmatch(identifier)
    return match[1] if match else identifier


def named_group(name: str | None, identifier: str | None) -> LogGroup:
    """Return the group that a request names in one of two ways.

    Raises:
        LogParameterError: it names none, or both ways are taken.
        LogNotFoundError: there is no such group.
    """
    if (name is None) == (identifier is None):
        raise LogParameterError("Exactly one of logGroupName and logGroupIdentifier must be given.")
    group = GROUPS.get(name if name is not None else name_in(identifier or ""))
    if group is None:
        raise LogNotFoundError.group()
    return group

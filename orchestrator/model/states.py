"""The states of a job run and the one table that says how they change.

A pair that is not in the table is refused. Terminal states are derived (those with no row), so they cannot disagree.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from orchestrator.model.errors import IllegalTransitionError


class JobRunState(StrEnum):
    """Glue's states of a job run."""

    WAITING = "WAITING"
    """Queued because the run or its job asked for job-run queuing; never launched so far."""
    STARTING = "STARTING"
    """Durable and accepted: it waits for slots, or its process is not confirmed yet."""
    RUNNING = "RUNNING"
    """Its shim holds the claim."""
    STOPPING = "STOPPING"
    """A stop was accepted; the shim or the revoked claim will end it."""
    STOPPED = "STOPPED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMEOUT = "TIMEOUT"
    ERROR = "ERROR"
    """A trigger fired for a deleted job; nothing else ends here, because clients wait for ever on it."""
    EXPIRED = "EXPIRED"
    """Glue's, read but never written."""


class RunEvent(StrEnum):
    """What happens to a run, in the past tense."""

    ADMITTED = "ADMITTED"
    """The dispatcher chose a WAITING run."""
    LAUNCHED = "LAUNCHED"
    """A shim holds the claim."""
    LAUNCH_FAILED = "LAUNCH_FAILED"
    """The claim was revoked because the script cannot be started."""
    STOP_REQUESTED = "STOP_REQUESTED"
    FORBIDDEN = "FORBIDDEN"
    """The stop revoked the claim: the run never started and never will."""
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    LOST = "LOST"
    """The shim is gone and left no ending: how the script ended is unknown."""
    JOB_MISSING = "JOB_MISSING"
    """A trigger started it, and its job is deleted."""


_S, _E = JobRunState, RunEvent

# fmt: off
TRANSITIONS: Final[Mapping[tuple[JobRunState, RunEvent], JobRunState]] = MappingProxyType({
    (_S.WAITING,  _E.ADMITTED):       _S.STARTING,
    (_S.WAITING,  _E.STOP_REQUESTED): _S.STOPPED,   # it was never launched, so there is nothing to revoke
    (_S.STARTING, _E.LAUNCHED):       _S.RUNNING,
    (_S.STARTING, _E.LAUNCH_FAILED):  _S.FAILED,
    (_S.STARTING, _E.JOB_MISSING):    _S.ERROR,
    (_S.STARTING, _E.STOP_REQUESTED): _S.STOPPING,
    (_S.RUNNING,  _E.STOP_REQUESTED): _S.STOPPING,
    (_S.RUNNING,  _E.SUCCEEDED):      _S.SUCCEEDED,
    (_S.RUNNING,  _E.FAILED):         _S.FAILED,
    (_S.RUNNING,  _E.TIMED_OUT):      _S.TIMEOUT,
    (_S.RUNNING,  _E.LOST):           _S.FAILED,
    (_S.STOPPING, _E.LAUNCHED):       _S.STOPPING,  # the stop overtook the launch
    (_S.STOPPING, _E.STOP_REQUESTED): _S.STOPPING,  # asked twice
    (_S.STOPPING, _E.FORBIDDEN):      _S.STOPPED,   # stopped before it ever ran
    (_S.STOPPING, _E.LAUNCH_FAILED):  _S.STOPPED,
    (_S.STOPPING, _E.SUCCEEDED):      _S.STOPPED,   # it finished while it was being stopped
    (_S.STOPPING, _E.FAILED):         _S.STOPPED,
    (_S.STOPPING, _E.TIMED_OUT):      _S.STOPPED,
    (_S.STOPPING, _E.LOST):           _S.STOPPED,
})
# fmt: on

TERMINAL: Final = frozenset(JobRunState) - {state for state, _ in TRANSITIONS}
OCCUPYING: Final = frozenset({_S.STARTING, _S.RUNNING, _S.STOPPING})
"""The states that count against a job's MaxConcurrentRuns."""


def next_state(state: JobRunState, event: RunEvent) -> JobRunState:
    """Return the state that follows `event`.

    Raises:
        IllegalTransitionError: the table has no row for this pair.
    """
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransitionError(state, event) from None

"""What the store keeps, as frozen records in our own words, with units in the names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from orchestrator.model.ids import JobRunId
from orchestrator.model.states import JobRunState, RunEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class CapacityRequest:
    """Capacity as somebody asked for it, in Glue's three forms; None where it was not given."""

    allocated_capacity: int | None = None
    max_capacity: float | None = None
    worker_type: str | None = None
    number_of_workers: int | None = None

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was asked for."""
        return self == CapacityRequest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """Capacity as it was settled: what the run takes from the slots, and the worker form if it was given so."""

    dpu: float
    worker_type: str | None = None
    number_of_workers: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """What a job runs."""

    name: str  # glueetl, pythonshell, gluestreaming or glueray
    script_location: str | None = None  # a path, file:// or s3:// address; relative to the jobs directory
    python_version: str | None = None
    runtime: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDefinition:
    """A job as its author wrote it. None means "not given": defaults are applied where a value is used, never here."""

    role: str
    command: Command
    default_arguments: Mapping[str, str] | None = None
    non_overridable_arguments: Mapping[str, str] | None = None
    max_concurrent_runs: int | None = None
    max_retries: int | None = None
    timeout_min: int | None = None
    capacity: CapacityRequest = field(default_factory=CapacityRequest)
    glue_version: str | None = None
    job_run_queuing_enabled: bool | None = None
    notify_delay_after_min: int | None = None
    execution_class: str | None = None
    security_configuration: str | None = None
    description: str | None = None
    echoed: Mapping[str, Any] = field(default_factory=dict)
    """Members that are kept and given back untouched, by the names they came with (Connections, LogUri, Tags …)."""

    @property
    def concurrency_limit(self) -> int:
        """How many runs may be live at once."""
        return 1 if self.max_concurrent_runs is None else self.max_concurrent_runs


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that exists now."""

    job_key: int  # the store's key of the name; stays when the job is deleted
    version_key: int  # the store's key of this definition
    name: str
    definition: JobDefinition
    source: str | None  # the file that defines it; None when it came over the API
    created_on_ms: int
    last_modified_on_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFigures:
    """What an ended run used. Null where it is unknown (the shim died) or the script never ran."""

    exit_code: int | None = None
    exit_signal: int | None = None
    wall_ms: int | None = None
    cpu_ms: int | None = None
    peak_process_rss_bytes: int | None = None
    peak_tree_rss_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRun:
    """One attempt to run a job."""

    seq: int  # order of acceptance over all jobs
    id: JobRunId
    previous_attempt: int | None  # the attempt of the same family that this one retries
    job_key: int
    version_key: int  # the definition as it was at acceptance
    job_name: str
    state: JobRunState
    arguments: Mapping[str, str]  # the run's overrides only, never the merged map
    capacity: Capacity
    timeout_min: int | None  # None: no limit (streaming)
    glue_version: str
    command_name: str
    queuing_enabled: bool
    notify_delay_after_min: int | None
    execution_class: str | None
    security_configuration: str | None
    session_policy: str | None
    trigger_name: str | None
    started_on_ms: int  # acceptance
    launched_on_ms: int | None  # a shim was seen to hold the claim
    last_modified_on_ms: int
    completed_on_ms: int | None
    error_message: str | None
    figures: RunFigures
    chain_key: int | None = None  # the chain of triggers' firings that the run belongs to
    retry_number: int = 0  # how many automatic retries led to this attempt
    retry_due_ms: int | None = None  # FAILED, and the next attempt is to be made then

    @property
    def is_terminal(self) -> bool:
        """Say whether the run has ended for good."""
        return self.completed_on_ms is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRun:
    """A run as it is accepted: everything of a `JobRun` that is known before the store numbers it."""

    id: JobRunId
    previous_attempt: int | None
    job_key: int
    version_key: int
    state: JobRunState
    arguments: Mapping[str, str]
    capacity: Capacity
    timeout_min: int | None
    queuing_enabled: bool
    notify_delay_after_min: int | None
    execution_class: str | None
    security_configuration: str | None
    session_policy: str | None
    trigger_name: str | None
    invocation: "Invocation | None"
    accepted_on_ms: int
    chain_key: int | None = None
    retry_number: int = 0
    predecessors: "Sequence[Predecessor]" = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One call of an SDK, which re-sends it under the same id: the id's digest and the request's digest."""

    id_digest: bytes
    request_digest: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One row of a run's history."""

    seq: int
    from_state: JobRunState | None  # None: the acceptance
    event: RunEvent | None
    to_state: JobRunState
    at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """A run that made a trigger start this one."""

    job_name: str
    run_id: JobRunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One firing of a trigger."""

    trigger_name: str
    chain_key: int
    tick_ms: int | None  # the instant of the schedule that it is for
    at_ms: int


class EventKind(StrEnum):
    """What others are told about a run, by EventBridge's two kinds."""

    STATE_CHANGE = "state_change"
    """It ended as SUCCEEDED, FAILED, TIMEOUT or STOPPED."""
    RUN_STATUS = "run_status"
    """It takes longer than its NotifyDelayAfter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that others are told about a run."""

    seq: int
    kind: EventKind
    state: JobRunState
    at_ms: int
    run: JobRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Something that is not as it was: a run made a step, or, where it is of no run, a definition or a bookmark changed."""

    seq: int
    is_of_run: bool
    run: JobRun | None  # as it is now; None where it is of no run, or the run is gone
    event: RunEvent | None  # None: the run was accepted
    state: JobRunState | None  # in which the step ended
    at_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BookmarkEntry:
    """One version of a job's bookmark; the highest version is the current one."""

    job_key: int
    version: int
    run: int  # how many runs have committed since the last full reset
    attempt: int
    bookmark: str
    run_id: str | None
    previous_run_id: str | None


BookmarkCause = Literal["commit", "reset", "rewind", "set"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookmarkVersion:
    """An entry of a bookmark's history, what made it, and when."""

    entry: BookmarkEntry
    cause: BookmarkCause
    at_ms: int

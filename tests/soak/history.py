"""What happened, in records: what clients asked for and were told, what scripts did, what the store says, what is left."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ACKNOWLEDGED = "acknowledged"
REFUSED = "refused"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a client, however often it was sent."""

    client: str
    action: str
    members: Mapping[str, Any]
    outcome: str = UNKNOWN
    answer: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Effect:
    """A line that a script wrote, in the order of all lines."""

    run_id: str
    pid: int
    phase: str  # "start", "end" or the script's own
    words: tuple[str, ...] = ()
    at_s: float = 0


@dataclass(frozen=True, slots=True)
class Kill:
    """A process that was killed on purpose."""

    what: str  # "shim", "script", …
    pid: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is known of a job without asking the daemon."""

    name: str
    max_concurrent: int = 50
    max_retries: int = 0
    moves_bookmark: bool = False
    has_timeout: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditional:
    """A trigger that was active all the time."""

    name: str
    watches: str
    state: str


@dataclass(frozen=True, slots=True)
class Step:
    """One row of a run's history."""

    number: int
    event: str | None
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """A row of a run, with its history."""

    id: str
    base: str
    attempt: int
    job: str
    state: str
    steps: Sequence[Step]
    arguments: Mapping[str, str] = field(default_factory=dict)
    previous_attempt: int | None = None
    retry_number: int = 0
    is_retry_due: bool = False
    is_completed: bool = True
    trigger: str | None = None
    chain: int | None = None
    error_message: str = ""
    exit_code: int | None = None
    shim_pid: int | None = None  # as its claim says


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """One version of a job's bookmark."""

    job: str
    version: int
    cause: str
    text: str
    run_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One firing of a trigger."""

    trigger: str
    chain: int
    tick_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowRun:
    """One run of a workflow."""

    id: str
    status: str
    chain: int
    ticket: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Remains:
    """What was left when everything had settled."""

    processes: Sequence[str] = ()
    zombies: Sequence[str] = ()
    descriptors: int = 0
    allowed_descriptors: int = 0
    probe_state: str = "SUCCEEDED"  # of a run that needs all slots
    store_problems: Sequence[str] = ()
    unexpected_ends: Sequence[str] = ()  # of the daemon


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """All of it."""

    calls: Sequence[Call] = ()
    effects: Sequence[Effect] = ()
    kills: Sequence[Kill] = ()
    seen: Sequence[tuple[str, str]] = ()  # run and its last state, as clients were told on the way
    jobs: Sequence[Job] = ()
    conditionals: Sequence[Conditional] = ()
    actions: Mapping[str, Sequence[str]] = field(default_factory=dict)  # the jobs that each trigger starts
    runs: Sequence[Run] = ()
    bookmarks: Sequence[Bookmark] = ()
    firings: Sequence[Firing] = ()
    workflow_runs: Sequence[WorkflowRun] = ()
    remains: Remains = field(default_factory=Remains)


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise that was broken."""

    rule: str
    what: str
    run_id: str | None = None

"""What the daemon tells of runs, as its plain routes spell it (docs/http.md)."""

from typing import Literal, TypedDict

Stream = Literal["stdout", "stderr"]


class Run(TypedDict):
    """A run as the daemon tells it."""

    id: str
    job_name: str
    state: str
    state_detail: str | None
    attempt: int
    previous_run_id: str | None
    retry_number: int
    trigger_name: str | None
    chain_key: int | None
    started_on_ms: int
    launched_on_ms: int | None
    completed_on_ms: int | None
    retry_due_ms: int | None
    execution_time_s: int | None
    dpu: float
    error_message: str | None
    exit_code: int | None
    exit_signal: int | None
    wall_ms: int | None
    cpu_ms: int | None
    peak_process_rss_bytes: int | None
    peak_tree_rss_bytes: int | None
    arguments: dict[str, str]


class Move(TypedDict):
    """One row of a run's history."""

    seq: int
    from_state: str | None
    event: str | None
    to_state: str
    at_ms: int


class RunList(TypedDict):
    """A part of the list of runs; `next` is where it goes on, None at its end."""

    runs: list[Run]
    next: str | None


class Sample(TypedDict):
    """What the processes of a run used together at a moment."""

    after_ms: int  # since the launch
    cpu_ms: int  # all in all
    rss_bytes: int
    processes: int


class WorkflowRunName(TypedDict):
    """Which run of which workflow."""

    workflow_name: str
    id: str
    status: str


class RunDetails(TypedDict):
    """A run with the workflow run that it belongs to, its history, what it used, and its directory."""

    now_ms: int
    run: Run
    workflow_run: WorkflowRunName | None
    history: list[Move]
    samples: list[Sample]
    directory: str

"""Triggers, chains and workflow runs as the daemon tells them, and how a chain is printed."""

from typing import Any, Final, TypedDict

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.lookup import matched, short_ids
from orchestrator.faces.cli.tables import print_table
from orchestrator.faces.cli.text import brief_moment
from orchestrator.faces.cli.trees import branches

WORKFLOW_RUN_ENDED: Final = frozenset({"COMPLETED", "STOPPED", "ERROR"})
_LOOKED_AT: Final = 100


class BriefRun(TypedDict):
    """A run in a list of others."""

    id: str
    job_name: str
    state: str


class Condition(TypedDict):
    """An end of a job that a trigger watches for."""

    job_name: str
    state: str


class LastFiring(TypedDict):
    """When a trigger fired last, and what that started."""

    at_ms: int
    tick_ms: int | None
    chain_key: int
    runs: list[BriefRun]


class Trigger(TypedDict):
    """A trigger."""

    name: str
    type: str
    state: str
    workflow_name: str | None
    description: str | None
    schedule: str | None
    upcoming_ms: list[int]
    logical: str | None
    watches: list[Condition]
    starts: list[str]
    last_firing: LastFiring | None
    source: str | None


class WorkflowRun(TypedDict):
    """A run of a workflow."""

    workflow_name: str
    id: str
    status: str
    previous_run_id: str | None
    chain_key: int
    properties: dict[str, str]
    started_on_ms: int
    completed_on_ms: int | None
    error_message: str | None
    statistics: dict[str, int]


class LastRun(TypedDict):
    """The last run of a workflow."""

    workflow_name: str
    id: str
    status: str
    started_on_ms: int
    completed_on_ms: int | None


class Workflow(TypedDict):
    """A workflow in a list of all."""

    name: str
    description: str | None
    default_run_properties: dict[str, str]
    max_concurrent_runs: int | None
    created_on_ms: int
    last_modified_on_ms: int
    live_runs: int
    last_run: LastRun | None


class Chain(TypedDict):
    """A chain: the lines of its tree, firings and runs, each with its depth."""

    key: int
    lines: list[dict[str, Any]]


class WorkflowRunDetails(TypedDict):
    """A run of a workflow with its chain."""

    now_ms: int
    workflow_run: WorkflowRun
    chain: Chain


def find_workflow_run(client: Client, workflow: str, text: str) -> WorkflowRunDetails:
    """Return the run of a workflow that `text` means: its id or the start of it, with or without `wr_`.

    Raises:
        CommandError: it is not an id, or no run or more than one fits.
    """
    digits = matched("wr_", text)
    if digits is None:
        raise CommandError(
            f"'{text}' is not the id of a workflow run, nor the start of one",
            ExitCode.USAGE,
            hint="An id is wr_ and hexadecimal digits; `orchestrator workflow show NAME` lists them.",
        )
    query = {"name": workflow, "prefix": digits, "limit": _LOOKED_AT}
    found: list[WorkflowRun] = client.look_up("workflow", query=query)["runs"]
    if not found:
        raise CommandError(
            f"no run of workflow {workflow} has an id that starts with wr_{digits}",
            ExitCode.NOT_FOUND,
            hint="`orchestrator workflow show NAME` lists them.",
        )
    if len(found) > 1:
        candidates = "\n".join(f"  {run['id']}  {run['status']}" for run in found)
        raise CommandError(
            f"wr_{digits} fits {len(found)} runs; give more of the id:", ExitCode.NOT_FOUND, hint=candidates
        )
    return workflow_run(client, workflow, found[0]["id"])


def workflow_run(
    client: Client, workflow: str, run_id: str, *, seen_status: str | None = None, wait_s: float = 0
) -> WorkflowRunDetails:
    """Return a run of a workflow; with `seen_status`, as soon as it has another one or `wait_s` has passed."""
    query = {"name": workflow, "run": run_id}
    if seen_status is not None:
        query |= {"seen_status": seen_status, "wait_s": f"{wait_s:g}"}
    details: WorkflowRunDetails = client.look_up("workflow", query=query, wait_s=wait_s)  # type: ignore[assignment]  # the daemon's promise
    return details


def counted(statistics: dict[str, int]) -> str:
    """Return what a workflow run's actions have come to: `3 of 5 succeeded, 1 failed`."""
    told = [f"{statistics.get('succeeded_actions', 0)} of {statistics.get('total_actions', 0)} succeeded"]
    for name in ("running", "waiting", "failed", "timeout", "stopped", "errored"):
        count = statistics.get(f"{name}_actions", 0)
        if count:
            told.append(f"{count} {'timed out' if name == 'timeout' else name}")
    return ", ".join(told)


def print_chain(chain: Chain, *, now_ms: int, explained: str | None = None) -> None:
    """Print a chain as a tree; the run of the family of `explained` is marked."""
    lines = chain["lines"]
    short = short_ids(line["id"] for line in lines if line["kind"] == "run")
    rows = []
    for branch, line in zip(branches([line["depth"] for line in lines]), lines, strict=True):
        if line["kind"] == "firing":
            rows.append((f"{branch}{line['trigger_name']}", "", "fired", _at(line["at_ms"], now_ms), _firing(line)))
        else:
            told = (short[line["id"]], line["state"], _at(line["started_on_ms"], now_ms))
            rows.append((f"{branch}{line['job_name']}", *told, _run(line, now_ms, explained)))
    print_table((f"CHAIN {chain['key']}", "RUN", "STATE", "AT", "NOTE"), rows, gives_first="NOTE")


def _at(epoch_ms: int, now_ms: int) -> str:
    return brief_moment(epoch_ms, now_ms, to_the_second=True)


def _firing(line: dict[str, Any]) -> str:
    names = [before["job_name"] for before in line["predecessors"]]
    if line["tick_ms"] is not None:
        return "by its schedule"
    return "after " + " and ".join(names) if len(names) > 1 else ""  # a single one is the line above


def _run(line: dict[str, Any], now_ms: int, explained: str | None) -> str:
    notes = []
    if explained is not None and explained.partition("_attempt_")[0] == line["id"].partition("_attempt_")[0]:
        notes.append("this run")
    if line["retry_due_ms"] is not None:
        notes.append(f"retry at {_at(line['retry_due_ms'], now_ms)}")
    if line["is_inherited"]:
        notes.append("taken over")
    return ", ".join(notes)

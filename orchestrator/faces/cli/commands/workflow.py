"""`orchestrator workflow`: list and start workflows, and see how their runs are."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import click

from orchestrator.faces.cli.chains import (
    WORKFLOW_RUN_ENDED,
    Trigger,
    Workflow,
    WorkflowRun,
    WorkflowRunDetails,
    counted,
    find_workflow_run,
    print_chain,
    workflow_run,
)
from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.completing import workflow_names
from orchestrator.faces.cli.errors import RefusedError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.following import LONG_POLL_S, PATIENCE_S
from orchestrator.faces.cli.lookup import short_ids
from orchestrator.faces.cli.names import is_missing, no_such
from orchestrator.faces.cli.output import TABLE, output_option, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.tables import print_facts, print_table
from orchestrator.faces.cli.text import brief_moment, in_one_line, moment

_GONE_WRONG: Final = ("failed_actions", "timeout_actions", "stopped_actions", "errored_actions")


@click.group("workflow")
def command() -> None:
    """List workflows, start one, or show it and its runs."""


@command.command("list")
@endpoint_options
@output_option
@click.pass_context
def list_(context: click.Context, /, *, output: str) -> None:
    """List the workflows, with how many of their runs are live and how the last one is."""
    told = context.ensure_object(Session).client().look_up("workflows")
    workflows: list[Workflow] = told["workflows"]
    if print_for_programs(output, workflows, ids=(one["name"] for one in workflows)):
        return
    short = short_ids(one["last_run"]["id"] for one in workflows if one["last_run"] is not None)
    columns = ("WORKFLOW", "LIVE", "LAST RUN", "STATUS", "STARTED", "ENDED")
    print_table(columns, (_listed(one, short, told["now_ms"]) for one in workflows))


@command.command("start")
@click.argument("name", shell_complete=workflow_names)
@click.option("--property", "properties", multiple=True, metavar="KEY=VALUE", help="A run property; may be repeated.")
@click.option("--wait", is_flag=True, help="Wait for the end, and end as the run does.")
@endpoint_options
@output_option
@click.pass_context
def start(context: click.Context, /, *, name: str, properties: tuple[str, ...], wait: bool, output: str) -> None:
    """Start a run of a workflow and print its id.

    With --wait the exit code is 0 if the run COMPLETED and everything in it SUCCEEDED, and 1 if not. Ctrl-C ends the
    waiting and not the run.
    """
    members: dict[str, object] = {"Name": name}
    given = _paired(properties)
    if given:
        members["RunProperties"] = given
    client = context.ensure_object(Session).client()
    with _known(client, name):
        run_id = in_one_line(str(client.act("StartWorkflowRun", members)["RunId"]))
    if not wait:
        if not print_for_programs(output, {"RunId": run_id}, ids=[run_id]):
            click.echo(run_id)
        return
    if output == TABLE:
        click.echo(run_id)
    details = _await_end(client.patient(PATIENCE_S), name, run_id)
    run = details["workflow_run"]
    print_for_programs(output, run, ids=[run_id])
    click.echo(f"orchestrator: {run_id} {run['status']} ({counted(run['statistics'])})", err=True)
    is_well = run["status"] == "COMPLETED" and not any(run["statistics"].get(kind) for kind in _GONE_WRONG)
    context.exit(ExitCode.SUCCESS if is_well else ExitCode.RUN_DID_NOT_SUCCEED)


@command.command("show")
@click.argument("name", shell_complete=workflow_names)
@click.argument("run", required=False)
@endpoint_options
@output_option
@click.pass_context
def show(context: click.Context, /, *, name: str, run: str | None, output: str) -> None:
    """Show a workflow with its triggers and latest runs, or one RUN of it with its chain."""
    client = context.ensure_object(Session).client()
    if run is None:
        with _known(client, name):
            told = client.look_up("workflow", query={"name": name})
        if not print_for_programs(output, told, ids=(run["id"] for run in told["runs"])):
            _print_workflow(told)
        return
    with _known(client, name):
        details = find_workflow_run(client, name, run)
    if not print_for_programs(output, details, ids=[details["workflow_run"]["id"]]):
        _print_run(details)


@contextmanager
def _known(client: Client, name: str) -> Iterator[None]:
    """Tell of a workflow that there is not, and of names that are near."""
    try:
        yield
    except RefusedError as error:
        if is_missing(error):
            raise no_such(client, "workflow", name) from None
        raise


def _listed(workflow: Workflow, short: dict[str, str], now_ms: int) -> tuple[str, ...]:
    last = workflow["last_run"]
    if last is None:
        return (workflow["name"], "0", "-", "-", "-", "-")
    times = (brief_moment(last[key], now_ms, to_the_second=True) for key in ("started_on_ms", "completed_on_ms"))
    return (workflow["name"], str(workflow["live_runs"]), short[last["id"]], last["status"], *times)


def _paired(given: tuple[str, ...]) -> dict[str, str]:
    properties: dict[str, str] = {}
    for text in given:
        key, has_value, value = text.partition("=")
        if not key or not has_value:
            message = f"'{text}' is no run property; it must be KEY=VALUE."
            raise click.UsageError(message)
        if key in properties:
            message = f"'{key}' is given twice."
            raise click.UsageError(message)
        properties[key] = value
    return properties


def _await_end(client: Client, name: str, run_id: str) -> WorkflowRunDetails:
    details = workflow_run(client, name, run_id)
    while details["workflow_run"]["status"] not in WORKFLOW_RUN_ENDED:
        seen = details["workflow_run"]["status"]
        details = workflow_run(client, name, run_id, seen_status=seen, wait_s=LONG_POLL_S)
    return details


def _print_workflow(told: dict[str, Any]) -> None:
    workflow, triggers, runs = told["workflow"], told["triggers"], told["runs"]
    most = workflow["max_concurrent_runs"]
    facts = [
        ("Workflow", workflow["name"]),
        ("Description", workflow["description"] or ""),
        ("Runs at once", "" if most is None else str(most)),
        *((f"Property {key}", value) for key, value in workflow["default_run_properties"].items()),
    ]
    print_facts(((name, value) for name, value in facts if value), wraps=True)
    click.echo()
    print_table(("TRIGGER", "TYPE", "STATE", "WATCHES", "STARTS"), (_trigger(trigger) for trigger in triggers))
    click.echo()
    short = short_ids(run["id"] for run in runs)
    print_table(("RUN", "STATUS", "STARTED", "ENDED", "ACTIONS"), ((short[run["id"]], *_run(run)) for run in runs))


def _trigger(trigger: Trigger) -> tuple[str, ...]:
    joint = " or " if trigger["logical"] == "ANY" else " and "
    watches = joint.join(f"{one['job_name']} {one['state']}" for one in trigger["watches"])
    starts = ", ".join(trigger["starts"])
    return (trigger["name"], trigger["type"], trigger["state"], watches or trigger["schedule"] or "-", starts)


def _run(run: WorkflowRun) -> tuple[str, ...]:
    times = (moment(run["started_on_ms"]), moment(run["completed_on_ms"]))
    return (run["status"], *times, counted(run["statistics"]))


def _print_run(details: WorkflowRunDetails) -> None:
    run = details["workflow_run"]
    facts = [
        ("Workflow", run["workflow_name"]),
        ("Run", run["id"]),
        ("Status", run["status"]),
        ("Error", run["error_message"] or ""),
        ("Resumes", run["previous_run_id"] or ""),
        ("Started", moment(run["started_on_ms"])),
        ("Ended", moment(run["completed_on_ms"])),
        ("Actions", counted(run["statistics"])),
        *((f"Property {key}", value or "(empty)") for key, value in run["properties"].items()),
    ]
    print_facts(((name, value) for name, value in facts if value not in {"", "-"}), wraps=True)
    click.echo()
    print_chain(details["chain"], now_ms=details["now_ms"])

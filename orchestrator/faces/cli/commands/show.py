"""`orchestrator show`: everything about one run."""

import click

from orchestrator.faces.cli.answers import RunDetails
from orchestrator.faces.cli.completing import run_ids
from orchestrator.faces.cli.lookup import find_run
from orchestrator.faces.cli.output import output_option, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.tables import print_facts, print_history
from orchestrator.faces.cli.text import duration, moment, size


@click.command("show")
@click.argument("run", shell_complete=run_ids)
@endpoint_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, run: str, output: str) -> None:
    """Show everything about one run.

    Its state and why, what it used, its arguments, its directory and its history.
    """
    details = find_run(context.ensure_object(Session).client(), run)
    if print_for_programs(output, details, ids=[details["run"]["id"]]):
        return
    print_facts((name, value) for name, value in _facts(details) if value not in {"", "-"})
    click.echo()
    print_history(details["history"])


def _facts(details: RunDetails) -> list[tuple[str, str]]:
    run, workflow_run = details["run"], details.get("workflow_run")
    return [
        ("Run", run["id"]),
        ("Job", run["job_name"]),
        ("State", run["state"]),
        ("Detail", run["state_detail"] or ""),
        ("Error", run["error_message"] or ""),
        ("Attempt", str(run["attempt"])),
        ("  after", run.get("previous_run_id") or ""),
        ("Retry due", moment(run.get("retry_due_ms"))),
        ("Trigger", run.get("trigger_name") or ""),
        ("Chain", "" if run.get("chain_key") is None else str(run["chain_key"])),
        ("Workflow", "" if workflow_run is None else workflow_run["workflow_name"]),
        ("  run", "" if workflow_run is None else f"{workflow_run['id']} {workflow_run['status']}"),
        ("Accepted", moment(run["started_on_ms"])),
        ("Launched", moment(run["launched_on_ms"])),
        ("Ended", moment(run["completed_on_ms"])),
        ("Exit code", "" if run["exit_code"] is None else str(run["exit_code"])),
        ("Signal", "" if run["exit_signal"] is None else str(run["exit_signal"])),
        ("Wall time", duration(run["wall_ms"])),
        ("CPU time", duration(run["cpu_ms"])),
        ("Peak memory", size(run["peak_tree_rss_bytes"])),
        ("  of one process", size(run["peak_process_rss_bytes"])),
        ("Capacity", f"{run['dpu']:g} DPU"),
        *((f"Argument {name}", value or "(empty)") for name, value in run["arguments"].items()),
        ("Directory", details["directory"]),
    ]

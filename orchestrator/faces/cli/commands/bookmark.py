"""`orchestrator bookmark`: see and reset how far a job has come."""

from typing import Any

import click

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.lookup import find_run
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.tables import JSON, output_option, print_facts, print_json


@click.group("bookmark")
def command() -> None:
    """See or reset how far a job has come."""


@command.command("get")
@click.argument("job")
@endpoint_options
@output_option
@click.pass_context
def get(context: click.Context, /, *, job: str, output: str) -> None:
    """Print the bookmark of JOB."""
    client = context.ensure_object(Session).client()
    _print(client.act("GetJobBookmark", {"JobName": job}), output)


@command.command("reset")
@click.argument("job")
@click.option("--run-id", metavar="RUN", help="Rewind to where this run left it, instead of to the beginning.")
@endpoint_options
@output_option
@click.pass_context
def reset(context: click.Context, /, *, job: str, run_id: str | None, output: str) -> None:
    """Reset the bookmark of JOB: its next run starts from the beginning, or from where a run left it."""
    client = context.ensure_object(Session).client()
    members = {"JobName": job} | _run_id(client, run_id)
    _print(client.act("ResetJobBookmark", members), output)


def _run_id(client: Client, text: str | None) -> dict[str, str]:
    return {} if text is None else {"RunId": find_run(client, text)["run"]["id"]}


def _print(answer: dict[str, Any], output: str) -> None:
    if output == JSON:
        print_json(answer)
        return
    entry = answer["JobBookmarkEntry"]
    names = ("JobName", "Version", "Run", "Attempt", "RunId", "PreviousRunId", "JobBookmark")
    print_facts((name, str(entry[name])) for name in names if entry.get(name) is not None)

"""`orchestrator logs`: a run's log."""

import sys

import click

from orchestrator.faces.cli.client import Stream
from orchestrator.faces.cli.following import PATIENCE_S, follow_log, read_log
from orchestrator.faces.cli.lookup import find_run
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.text import LogOutput


@click.command("logs")
@click.argument("run")
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option("--stderr", is_flag=True, help="What the script wrote to stderr instead of stdout.")
@click.option("--raw", is_flag=True, help="As it is to a terminal, too; whoever wrote the log commands it then.")
@endpoint_options
@click.pass_context
def command(context: click.Context, /, *, run: str, follow: bool, stderr: bool, raw: bool) -> None:
    """Print what the script of a run has written.

    On a terminal control characters are spelled out; a pipe or file gets the bytes as they are.
    """
    client = context.ensure_object(Session).client()
    run_id = find_run(client, run)["run"]["id"]
    stream: Stream = "stderr" if stderr else "stdout"
    output = LogOutput(sys.stdout, raw=raw)
    if follow:
        follow_log(client.patient(PATIENCE_S), run_id, stream, output)
    else:
        read_log(client, run_id, stream, output)

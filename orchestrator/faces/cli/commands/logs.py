"""`orchestrator logs`: a run's log."""

import sys

import click

from orchestrator.faces.cli.answers import Stream
from orchestrator.faces.cli.completing import run_ids
from orchestrator.faces.cli.following import PATIENCE_S, follow_log
from orchestrator.faces.cli.log_reading import read_log, start_of
from orchestrator.faces.cli.lookup import find_run
from orchestrator.faces.cli.moments import MOMENT
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.text import LogOutput


@click.command("logs")
@click.argument("run", shell_complete=run_ids)
@click.option("-f", "--follow", is_flag=True, help="Go on until the run has ended.")
@click.option("-n", "--lines", type=click.IntRange(min=0), metavar="LINES", help="Only the last lines.")
@click.option(
    "--since",
    type=MOMENT,
    metavar="TIME",
    help="Only what was written since, to about a second: 10m, 2h, 14:05, 2026-11-28T14:05.",
)
@click.option("--stderr", is_flag=True, help="What the script wrote to stderr instead of stdout.")
@click.option("--raw", is_flag=True, help="As it is to a terminal, too; whoever wrote the log commands it then.")
@endpoint_options
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    run: str,
    follow: bool,
    lines: int | None,
    since: int | None,
    stderr: bool,
    raw: bool,
) -> None:
    """Print what the script of a run has written.

    On a terminal control characters are spelled out; a pipe or file gets the bytes as they are. -n and --since say
    where to begin, together the later of both.
    """
    client = context.ensure_object(Session).client()
    run_id = find_run(client, run)["run"]["id"]
    stream: Stream = "stderr" if stderr else "stdout"
    output = LogOutput(sys.stdout, raw=raw)
    offset = 0
    if lines is not None or since is not None:
        offset = start_of(client, run_id, stream, lines=lines, since_ms=since)
    if follow:
        follow_log(client.patient(PATIENCE_S), run_id, stream, output, offset=offset)
    else:
        read_log(client, run_id, stream, output, offset=offset)

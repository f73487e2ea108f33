"""`orchestrator wait`: wait for runs to end."""

import sys
import time

import click

from orchestrator.faces.cli.answers import Run
from orchestrator.faces.cli.completing import run_ids
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.following import ENDED, PATIENCE_S, Progress, await_end, summary, tell_of_retry
from orchestrator.faces.cli.lookup import find_run
from orchestrator.faces.cli.output import TABLE, output_option, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options


@click.command("wait")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", shell_complete=run_ids)
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait for this long at most.")
@endpoint_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, runs: tuple[str, ...], timeout: float | None, output: str) -> None:
    """Wait until runs have ended.

    The exit code is 0 if all SUCCEEDED, 1 if not, and 124 if the time passed before all had ended. A restart of the
    daemon meanwhile is no reason to give up.
    """
    until = None if timeout is None else time.monotonic() + timeout
    client = context.ensure_object(Session).client()
    ids = [find_run(client, text)["run"]["id"] for text in runs]
    client = client.patient(PATIENCE_S)
    seen: list[Run] = []
    progress = Progress(sys.stderr)
    for run_id in ids:
        try:
            run = await_end(client, run_id, progress=progress, until=until)["run"]
        finally:
            with progress.room():  # also at Ctrl-C
                pass
        seen.append(run)
        if output == TABLE:
            click.echo(summary(run))
        tell_of_retry(run)
    print_for_programs(output, seen, ids=(run["id"] for run in seen))
    if any(run["state"] not in ENDED for run in seen):
        context.exit(ExitCode.WAIT_TIMED_OUT)
    if any(run["state"] != "SUCCEEDED" for run in seen):
        context.exit(ExitCode.RUN_DID_NOT_SUCCEED)

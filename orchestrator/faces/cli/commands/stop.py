"""`orchestrator stop`: stop runs."""

import sys
from contextlib import suppress
from typing import Any, Final

import click

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.completing import job_names, live_run_ids
from orchestrator.faces.cli.errors import CommandError, RefusedError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.lookup import find_run, short_ids
from orchestrator.faces.cli.names import is_missing, no_such
from orchestrator.faces.cli.output import ID, TABLE, output_option, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.text import in_one_line, is_terminal

_MOST_AT_ONCE: Final = 25  # Glue's limit of JobRunIds
_MOST: Final = 100_000
_HAS_ENDED: Final = "JobRunInTerminalStateException"
_TO_STOP: Final = "WAITING,STARTING,RUNNING"


@click.command("stop")
@click.argument("runs", nargs=-1, metavar="RUN...", shell_complete=live_run_ids)
@click.option("--job", metavar="JOB", help="Stop all live runs of this job.", shell_complete=job_names)
@click.option("-y", "--yes", is_flag=True, help="With --job: do not ask.")
@endpoint_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, runs: tuple[str, ...], job: str | None, yes: bool, output: str) -> None:
    """Stop runs, or all live runs of a job.

    Their scripts get SIGTERM, and SIGKILL after a grace period. This returns when the stops are accepted;
    `orchestrator wait` waits for the ends. On a terminal --job asks first.
    """
    if bool(runs) == (job is not None):
        message = "name the runs to stop, or a job with --job."
        raise click.UsageError(message)
    client = context.ensure_object(Session).client()
    ids_of_job = _named(client, runs) if job is None else _live(client, job)
    if job is not None and not ids_of_job and output == TABLE:
        click.echo(in_one_line(f"no run of job {job} is live"))
        return
    if job is not None and not yes:
        _ask(job, len(ids_of_job.get(job, [])))
    accepted, refused = _stop(client, ids_of_job)
    told = {"SuccessfulSubmissions": accepted, "Errors": refused}
    if not print_for_programs(output, told, ids=(str(one["JobRunId"]) for one in accepted)):
        for submission in accepted:
            click.echo(in_one_line(f"{submission['JobRunId']} is being stopped"))
    if output in {TABLE, ID}:
        for error in refused:
            click.echo(f"orchestrator: {in_one_line(_why_not(client, error))}", err=True)
    if refused:
        context.exit(ExitCode.REFUSED)


def _named(client: Client, texts: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the runs by their jobs. All are looked up first: a mistyped id stops nothing."""
    ids_of_job: dict[str, list[str]] = {}
    for text in texts:
        run = find_run(client, text)["run"]
        ids = ids_of_job.setdefault(run["job_name"], [])
        if run["id"] not in ids:
            ids.append(run["id"])
    return ids_of_job


def _live(client: Client, job: str) -> dict[str, list[str]]:
    """Return the live runs of the job but those that are being stopped already."""
    ids = [run["id"] for run in client.runs(job=job, state=_TO_STOP, limit=_MOST)]
    if not ids:
        try:
            client.act("GetJob", {"JobName": job})
        except RefusedError as error:
            if is_missing(error):
                raise no_such(client, "job", job) from None
            raise
    return {job: ids} if ids else {}


def _why_not(client: Client, error: dict[str, Any]) -> str:
    """Return the sentence that tells why a run is not being stopped; of one that has ended, how, and what can be done."""
    run_id, detail = error["JobRunId"], error.get("ErrorDetail", {})
    if detail.get("ErrorCode") == _HAS_ENDED:
        with suppress(CommandError):  # then what the daemon said must do
            state = client.run(run_id)["run"]["state"]
            short = short_ids([run_id])[run_id]
            return (
                f"{run_id} has ended already, as {state}, so there is nothing to stop; "
                f"`orchestrator show {short}` tells about it, `orchestrator rerun {short}` runs it again"
            )
    return f"{run_id}: {detail.get('ErrorCode')}: {detail.get('ErrorMessage')}"


def _ask(job: str, count: int) -> None:
    if count and is_terminal(sys.stdin) and is_terminal(sys.stderr):
        runs = "the live run" if count == 1 else f"all {count} live runs"
        click.confirm(in_one_line(f"Stop {runs} of job {job}?"), abort=True, err=True)


def _stop(client: Client, ids_of_job: dict[str, list[str]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    accepted: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for job, ids in ids_of_job.items():
        for first in range(0, len(ids), _MOST_AT_ONCE):
            batch = ids[first : first + _MOST_AT_ONCE]
            answer = client.act("BatchStopJobRun", {"JobName": job, "JobRunIds": batch})
            accepted += answer.get("SuccessfulSubmissions", [])
            refused += answer.get("Errors", [])
    return accepted, refused

"""`orchestrator stop`: stop runs."""

from typing import Any, Final

import click

from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.lookup import find_run
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.tables import JSON, output_option, print_json
from orchestrator.faces.cli.text import in_one_line

_MOST_AT_ONCE: Final = 25  # Glue's limit of JobRunIds


@click.command("stop")
@click.argument("runs", nargs=-1, required=True, metavar="RUN...")
@endpoint_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, runs: tuple[str, ...], output: str) -> None:
    """Stop runs.

    Their scripts get SIGTERM, and SIGKILL after a grace period. This returns when the stops are accepted;
    `orchestrator wait` waits for the ends.
    """
    client = context.ensure_object(Session).client()
    ids_of_job: dict[str, list[str]] = {}
    for text in runs:
        run = find_run(client, text)["run"]  # all are looked up first: a mistyped id stops nothing
        ids = ids_of_job.setdefault(run["job_name"], [])
        if run["id"] not in ids:
            ids.append(run["id"])

    accepted: list[dict[str, Any]] = []
    refused: list[dict[str, Any]] = []
    for job, ids in ids_of_job.items():
        for first in range(0, len(ids), _MOST_AT_ONCE):
            batch = ids[first : first + _MOST_AT_ONCE]
            answer = client.act("BatchStopJobRun", {"JobName": job, "JobRunIds": batch})
            accepted += answer.get("SuccessfulSubmissions", [])
            refused += answer.get("Errors", [])

    if output == JSON:
        print_json({"SuccessfulSubmissions": accepted, "Errors": refused})
    else:
        for submission in accepted:
            click.echo(f"{submission['JobRunId']} is being stopped")
        for error in refused:
            detail = error.get("ErrorDetail", {})
            told = f"{error['JobRunId']}: {detail.get('ErrorCode')}: {detail.get('ErrorMessage')}"
            click.echo(f"orchestrator: {in_one_line(told)}", err=True)
    if refused:
        context.exit(ExitCode.REFUSED)

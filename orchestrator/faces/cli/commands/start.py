"""`orchestrator start`: start a run and leave it to the daemon."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.completing import job_names, run_ids
from orchestrator.faces.cli.errors import RefusedError
from orchestrator.faces.cli.lookup import find_run
from orchestrator.faces.cli.names import is_missing, no_such
from orchestrator.faces.cli.output import output_option, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.text import in_one_line

_Command = TypeVar("_Command", bound=Callable[..., Any])

_START_OPTIONS = [
    click.argument("job", shell_complete=job_names),
    click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- --KEY VALUE ...]"),
    click.option(
        "--retry",
        metavar="RUN",
        help="Run this run again, with its arguments where none are given.",
        shell_complete=run_ids,
    ),
    click.option("--timeout", type=click.IntRange(min=1), metavar="MINUTES", help="End the run after this long."),
    click.option("--max-capacity", type=float, metavar="DPU", help="Capacity in DPU."),
    click.option("--allocated-capacity", type=int, metavar="DPU", help="Capacity in whole DPU (Glue's older form)."),
    click.option("--worker-type", metavar="TYPE", help="Capacity by workers: G.1X, G.2X, ..."),
    click.option("--number-of-workers", type=int, metavar="N", help="How many workers."),
    click.option("--queue", is_flag=True, help="Wait for the job's other runs instead of being refused."),
]


class StartCommand(click.Command):
    """A command whose unknown options are most likely arguments of the run."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Point to `--` where an option is unknown."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            message = f"{error.format_message()} Arguments of the run go after --, as in: JOB -- --key value"
            raise click.UsageError(message, ctx) from None


def start_options(command: _Command) -> _Command:
    """Give `command` the job, the arguments and what a run may have of its own."""
    for option in reversed(_START_OPTIONS):
        command = option(command)
    return command


def paired(tokens: tuple[str, ...]) -> dict[str, str]:
    """Return the run's arguments that `tokens` spell: `--key value`, `--key=value`, or `--key` alone for an empty value.

    Raises:
        UsageError: a value without a key, a key given twice, or no key at all.
    """
    arguments: dict[str, str] = {}
    waiting: str | None = None  # a key whose value may be the next token
    for token in tokens:
        if not token.startswith("--"):
            if waiting is None:
                message = f"'{token}' stands for no argument: arguments of a run are --key value, --key=value or --key."
                raise click.UsageError(message)
            arguments[waiting] = token
            waiting = None
            continue
        key, has_value, value = token.partition("=")
        if key == "--":
            message = f"'{token}' has no key."
            raise click.UsageError(message)
        if key in arguments:
            message = f"'{key}' is given twice."
            raise click.UsageError(message)
        arguments[key] = value
        waiting = None if has_value else key
    return arguments


def request_start(
    client: Client,
    *,
    job: str,
    arguments: tuple[str, ...],
    retry: str | None,
    queue: bool,
    timeout: int | None,
    max_capacity: float | None,
    allocated_capacity: int | None,
    worker_type: str | None,
    number_of_workers: int | None,
) -> str:
    """Start a run and return its id; it is on disk then and will happen."""
    members = {
        "JobName": job,
        # Absent and empty differ for a retry: absent means those of the earlier run.
        "Arguments": paired(arguments) or None,
        "JobRunId": None if retry is None else find_run(client, retry)["run"]["id"],
        "Timeout": timeout,
        "MaxCapacity": max_capacity,
        "AllocatedCapacity": allocated_capacity,
        "WorkerType": worker_type,
        "NumberOfWorkers": number_of_workers,
        "JobRunQueuingEnabled": queue or None,
    }
    try:
        answer = client.act("StartJobRun", {name: value for name, value in members.items() if value is not None})
    except RefusedError as error:
        if not is_missing(error):
            raise
        raise no_such(client, "job", job) from None
    return in_one_line(str(answer["JobRunId"]))  # whoever answers


@click.command("start", cls=StartCommand)
@start_options
@endpoint_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, output: str, **start: Any) -> None:
    """Start a run, print its id, leave it to the daemon."""
    paired(start["arguments"])  # a mistake in the arguments is told whether or not a daemon answers
    run_id = request_start(context.ensure_object(Session).client(), **start)
    if not print_for_programs(output, {"JobRunId": run_id}, ids=[run_id]):
        click.echo(run_id)

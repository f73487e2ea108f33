"""`orchestrator rerun`: start a run with the arguments of another one."""

from typing import Any

import click

from orchestrator.faces.cli.answers import Run
from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.commands.run import follow_to_end, tell_end
from orchestrator.faces.cli.commands.start import StartCommand, paired
from orchestrator.faces.cli.completing import run_ids
from orchestrator.faces.cli.lookup import find_run
from orchestrator.faces.cli.output import output_option, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.text import in_one_line


@click.command("rerun", cls=StartCommand)
@click.argument("run", shell_complete=run_ids)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[-- --KEY VALUE ...]")
@click.option("-f", "--follow", is_flag=True, help="Follow the new run, and end as it ends.")
@click.option("--queue", is_flag=True, help="Wait for the job's other runs instead of being refused.")
@click.option("--stop-on-interrupt", is_flag=True, help="With -f: at Ctrl-C, stop the run and wait for its end.")
@endpoint_options
@output_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    run: str,
    arguments: tuple[str, ...],
    follow: bool,
    queue: bool,
    stop_on_interrupt: bool,
    output: str,
) -> None:
    """Start a run of the same job with the same arguments as RUN, some of them others if they are given.

    It is a new run, not an attempt of the old one: the job is taken as it is defined now, with its bookmark as it is
    now. Prints the new run's id; with -f, follows it as `run` does, with the same exit codes.
    """
    given = paired(arguments)
    client = context.ensure_object(Session).client()
    old = find_run(client, run)["run"]
    job, run_id = old["job_name"], _start(client, old, given, queue=queue)
    if follow:
        end = follow_to_end(client, job, run_id, output=output, stop_on_interrupt=stop_on_interrupt)
        context.exit(tell_end(end, output))
    if not print_for_programs(output, {"JobRunId": run_id}, ids=[run_id]):
        click.echo(run_id)


def _start(client: Client, old: Run, given: dict[str, str], *, queue: bool) -> str:
    """Start the run and return its id. Plain routes hide secrets, so the arguments are those of Glue's own answer."""
    job = old["job_name"]
    told: dict[str, Any] = client.act("GetJobRun", {"JobName": job, "RunId": old["id"]})["JobRun"]
    members: dict[str, object] = {"JobName": job, "Arguments": {**told.get("Arguments", {}), **given}}
    if queue or told.get("JobRunQueuingEnabled"):
        members["JobRunQueuingEnabled"] = True
    return in_one_line(str(client.act("StartJobRun", members)["JobRunId"]))

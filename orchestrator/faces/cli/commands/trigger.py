"""`orchestrator trigger`: start and stop triggers."""

import click

from orchestrator.faces.cli.chains import Trigger
from orchestrator.faces.cli.completing import trigger_names
from orchestrator.faces.cli.errors import RefusedError
from orchestrator.faces.cli.names import is_missing, no_such
from orchestrator.faces.cli.output import TABLE, output_option, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.text import in_one_line, moment


@click.group("trigger")
def command() -> None:
    """Start or stop a trigger."""


@command.command("start")
@click.argument("name", shell_complete=trigger_names)
@endpoint_options
@output_option
@click.pass_context
def start(context: click.Context, /, *, name: str, output: str) -> None:
    """Fire an ON_DEMAND trigger at once; activate one of another type.

    With -o json, last_firing tells the runs that the last firing started: this one, unless somebody fired it again; with
    -o id they are all that is printed.
    """
    _ask(context, "StartTrigger", name, output)


@command.command("stop")
@click.argument("name", shell_complete=trigger_names)
@endpoint_options
@output_option
@click.pass_context
def stop(context: click.Context, /, *, name: str, output: str) -> None:
    """Deactivate a trigger: it fires no more until it is started. Runs under way go on."""
    _ask(context, "StopTrigger", name, output)


def _ask(context: click.Context, action: str, name: str, output: str) -> None:
    client = context.ensure_object(Session).client()
    try:
        answer = client.act(action, {"Name": name})
    except RefusedError as error:
        if is_missing(error):
            raise no_such(client, "trigger", name) from None
        raise
    if output != TABLE and action != "StartTrigger":
        print_for_programs(output, answer, ids=[name])
        return
    trigger: Trigger = client.look_up("triggers", name)["trigger"]
    last = trigger["last_firing"] if trigger["type"] == "ON_DEMAND" else None
    told = answer if trigger["type"] != "ON_DEMAND" else {**answer, "last_firing": last}
    if print_for_programs(output, told, ids=[name] if last is None else (run["id"] for run in last["runs"])):
        return
    for line in _told(trigger):
        click.echo(in_one_line(line))


def _told(trigger: Trigger) -> list[str]:
    name, last, upcoming = trigger["name"], trigger["last_firing"], trigger["upcoming_ms"]
    if trigger["type"] == "ON_DEMAND" and last is not None:
        runs = [f"  {run['id']}  {run['job_name']}" for run in last["runs"]]
        return [f"{name} has fired and started" + (":" if runs else " nothing"), *runs]
    then = f"; it fires next at {moment(upcoming[0])}" if upcoming else ""
    return [f"{name} is {trigger['state']}{then}"]

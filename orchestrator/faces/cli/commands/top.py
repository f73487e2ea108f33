"""`orchestrator top`: what runs, what waits and what comes next, live."""

import shutil
import sys
from collections.abc import Sequence

import click

from orchestrator.faces.cli import rich_apart
from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.dashboard import as_json, lines_of, look
from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.output import TABLE, output_option, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.text import can_be_redrawn, in_one_line, is_terminal, wants_colour


@click.command("top")
@click.option("--once", is_flag=True, help="Print how it is now, and end.")
@endpoint_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, once: bool, output: str) -> None:
    """Show what runs, what waits, how much of the machine that takes, and what fires next.

    On a terminal the screen is drawn anew at each change, until q or Ctrl-C. Elsewhere, and with --once, it is
    printed as it is now.
    """
    client = context.ensure_object(Session).client()
    if not once and output == TABLE and can_be_redrawn(sys.stdout):
        _show(client)
        return
    seen = look(client)
    if print_for_programs(output, as_json(seen), ids=(run["id"] for run in seen.runs)):
        return
    width = shutil.get_terminal_size().columns if is_terminal(sys.stdout) else None
    for line in lines_of(seen, width=width, height=None, in_colour=wants_colour(sys.stdout)):
        click.echo(line, color=True)


def _show(client: Client) -> None:
    rich_apart.let_in()
    from orchestrator.faces.cli.live_screen import Draw, show  # noqa: PLC0415 - rich is for terminals only

    in_colour = wants_colour(sys.stdout)

    def looked() -> Draw:
        seen = look(client)

        def draw(width: int, height: int) -> Sequence[str]:
            return lines_of(seen, width=width, height=height, in_colour=in_colour)

        return draw

    show(client, looked, _problem)


def _problem(error: CommandError) -> str:
    return in_one_line(f"{error.message}; trying again")

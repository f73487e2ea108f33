"""`orchestrator serve`: run the daemon."""

import click

from orchestrator.faces.cli.session import Session, place_options


@click.command("serve")
@place_options
@click.option("--with-parent", is_flag=True, hidden=True, help="End when the standard input ends.")
@click.pass_context
def command(context: click.Context, /, *, with_parent: bool) -> None:
    """Run the daemon until SIGTERM or Ctrl-C.

    Runs go on without it; the next daemon takes them up where they are.
    """
    session = context.ensure_object(Session)
    if session.serve is None:
        message = "the command line was entered without a way to run the daemon"
        raise RuntimeError(message)
    context.exit(session.serve(session.settings(), with_parent=with_parent))

"""`orchestrator backup`: copy the database while the daemon runs."""

import time
from pathlib import Path

import click

from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.output import TABLE, output_option_without_ids, print_for_programs
from orchestrator.faces.cli.session import Session, place_options
from orchestrator.faces.cli.store_errors import store_errors
from orchestrator.faces.cli.text import in_one_line, size


@click.command("backup")
@click.argument("target", metavar="FILE|DIR", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
@place_options
@output_option_without_ids
@click.pass_context
def command(context: click.Context, /, *, target: Path, force: bool, output: str) -> None:
    """Copy the database into FILE, or into a file named by the time in DIR.

    The daemon may run. The copy is checked, complete and private (0600) when it appears. The runs' directories, with
    their logs, are not in it.
    """
    from orchestrator.operations.back_up import back_up  # noqa: PLC0415 - slow to import

    state_dir = context.ensure_object(Session).settings().state_dir
    if target.is_dir():
        target /= time.strftime("state-%Y%m%dT%H%M%SZ.db", time.gmtime())
    with store_errors():
        try:
            copy = back_up(state_dir, target, replaces=force)
        except FileExistsError:
            raise CommandError(f"{target} is there already", ExitCode.USAGE, hint="--force replaces it.") from None
    if output != TABLE:
        print_for_programs(output, {"file": str(target), "size_bytes": copy.size_bytes, "schema": copy.schema})
    else:
        click.echo(in_one_line(f"{target}: {size(copy.size_bytes)}, schema {copy.schema}, checked"))

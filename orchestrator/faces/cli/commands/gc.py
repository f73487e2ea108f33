"""`orchestrator gc`: clear away what no daemon does, and give the database's free room back."""

from typing import TYPE_CHECKING

import click

from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.output import TABLE, output_option_without_ids, print_for_programs
from orchestrator.faces.cli.session import Session, place_options
from orchestrator.faces.cli.store_errors import store_errors
from orchestrator.faces.cli.text import in_one_line, size

if TYPE_CHECKING:
    from orchestrator.operations.clear_away import Cleared


@click.command("gc")
@click.option("--dry-run", is_flag=True, help="Only say what would go; the daemon may run.")
@click.option("--environments", is_flag=True, help="Remove the environments of modules, too, that no live run uses.")
@click.option("--vacuum", is_flag=True, help="Write the database anew, without free pages.")
@place_options
@output_option_without_ids
@click.pass_context
def command(context: click.Context, /, *, dry_run: bool, environments: bool, vacuum: bool, output: str) -> None:
    """Remove the directories of runs that the database does not know, and leftover files. No daemon may run.

    The daemon itself deletes what is over for long ([retention]). Directories that a live shim holds stay.
    """
    from orchestrator.operations.clear_away import clear_away, look_for_garbage  # noqa: PLC0415 - slow to import

    state_dir = context.ensure_object(Session).settings().state_dir
    with store_errors():
        if dry_run:
            cleared = look_for_garbage(state_dir, with_environments=environments)
        else:
            cleared = clear_away(state_dir, with_environments=environments, rewrites=vacuum)
    garbage, rewritten = cleared.garbage, cleared.rewritten
    if output != TABLE:
        print_for_programs(
            output,
            {
                "removed": not dry_run,
                "directories": [str(one.path) for one in garbage.directories],
                "files": [str(path) for path in garbage.files],
                "environments": [str(path) for path in garbage.environments],
                "live": [{"directory": str(one.path), "shim_pid": one.shim_pid} for one in garbage.live],
                "problems": list(cleared.problems),
                "database_bytes": None if rewritten is None else [rewritten.before_bytes, rewritten.after_bytes],
            },
        )
    else:
        _tell(cleared, is_removed=not dry_run)
    if cleared.problems:
        context.exit(ExitCode.STORE_FAILED)


def _tell(cleared: "Cleared", *, is_removed: bool) -> None:
    """Print for people what went, or would go, and what stays."""
    garbage, problems, rewritten = cleared.garbage, cleared.problems, cleared.rewritten
    paths = [*(one.path for one in garbage.directories), *garbage.files, *garbage.environments]
    for path in paths:
        click.echo(in_one_line(str(path)))
    count = len(paths)
    click.echo(f"{count - len(problems)} removed" if is_removed else f"{count} to remove")
    for one in garbage.live:
        click.echo(in_one_line(f"stays: {one.path} is held by the live shim {one.shim_pid}"))
    for problem in problems:
        click.echo(in_one_line(f"stays: {problem}"))
    if rewritten is not None:
        click.echo(f"database: {size(rewritten.before_bytes)}, now {size(rewritten.after_bytes)}")

"""`orchestrator restore`: put a backup in the place of the database, and say what that means for runs."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.faces.cli.output import TABLE, output_option_without_ids, print_for_programs
from orchestrator.faces.cli.session import Session, place_options
from orchestrator.faces.cli.store_errors import store_errors
from orchestrator.faces.cli.text import in_one_line, size

if TYPE_CHECKING:
    from orchestrator.supervisor.restoring import Restored


@click.command("restore")
@click.argument("source", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@place_options
@output_option_without_ids
@click.pass_context
def command(context: click.Context, /, *, source: Path, output: str) -> None:
    """Put the backup FILE in the place of the database. No daemon may run.

    FILE is checked first. The database that it replaces is kept beside it. Runs that were accepted, and all else that
    was stored after the backup, are forgotten.
    """
    from orchestrator.operations.restore_backup import restore_backup  # noqa: PLC0415 - slow to import

    state_dir = context.ensure_object(Session).settings().state_dir
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    with store_errors():
        restored = restore_backup(state_dir, source, stamp)
    if output != TABLE:
        print_for_programs(output, _as_json(restored))
        return
    for line in _sentences(source, restored):
        click.echo(in_one_line(line))


def _as_json(restored: "Restored") -> dict[str, object]:
    return {
        "schema": restored.copy.schema,
        "size_bytes": restored.copy.size_bytes,
        "kept": None if restored.kept is None else str(restored.kept),
        "live_runs": restored.live,
        "forbidden_runs": restored.forbidden,
        "unsure_runs": restored.unsure,
        "unknown_runs": [
            {"id": str(one.run_id), "directory": str(one.path), "shim_pid": one.shim_pid} for one in restored.unknown
        ],
    }


def _sentences(source: Path, restored: "Restored") -> Iterator[str]:
    copy = restored.copy
    yield f"{source} is restored: {size(copy.size_bytes)}, schema {copy.schema}, checked"
    if restored.kept is not None:
        yield f"the database before is kept: {restored.kept}"
    if restored.live:
        yield (
            f"{restored.live} runs have not ended in it; the next daemon takes them up: those that have a claim are"
            " settled by it and never start again"
        )
    if restored.forbidden:
        yield f"{restored.forbidden} of them ended since and have lost their directories: they were forbidden to start"
    if restored.unsure:
        yield (
            f"{restored.unsure} of them have no directory and will start; if some ended since and retention removed"
            " their directories, they will run again"
        )
    alive = [one for one in restored.unknown if one.shim_pid is not None]
    if restored.unknown:
        yield (
            f"{len(restored.unknown)} run directories are of runs that it does not know; `orchestrator gc` removes those"
            " that have ended"
        )
    for one in alive:
        yield f"of these, {one.run_id} is live: nobody will take it up; kill {one.shim_pid} (TERM) stops it"
    yield (
        "what was accepted after the backup is forgotten: its ids are not known any more, a call that is sent again"
        " starts a run, and what follows from an end may follow again"
    )

"""`orchestrator runs`: list runs."""

from typing import TYPE_CHECKING, Final

import click

from orchestrator.faces.cli.answers import Run
from orchestrator.faces.cli.completing import job_names, trigger_names
from orchestrator.faces.cli.following import ENDED
from orchestrator.faces.cli.lookup import shortened
from orchestrator.faces.cli.moments import MOMENT
from orchestrator.faces.cli.output import output_option, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.tables import print_table
from orchestrator.faces.cli.text import duration, moment

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_STATES: Final = ("WAITING", "STARTING", "RUNNING", "STOPPING", *sorted(ENDED))


class _States(click.ParamType[list[str]]):
    """States with commas between."""

    name = "state"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        if isinstance(value, list):
            return value
        states = [state.strip().upper() for state in str(value).split(",")]
        for state in states:
            if state not in _STATES:
                self.fail(f"{state!r} is none of {', '.join(_STATES)}.", param, ctx)
        return states

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> "list[CompletionItem]":
        """Offer the states, also behind a comma."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell that asks needs it

        del ctx, param
        kept, _, last = incomplete.rpartition(",")
        before = f"{kept}," if kept else ""
        fitting = [state for state in _STATES if state.startswith(last.upper())]
        return [CompletionItem(before + state) for state in fitting]


@click.command("runs")
@click.argument("job", required=False, shell_complete=job_names)
@click.option("--job", "job_option", metavar="JOB", help="Only runs of this job.", shell_complete=job_names)
@click.option(
    "--state",
    "states",
    type=_States(),
    multiple=True,
    metavar="STATE[,STATE...]",
    help="Only runs in these states; may be repeated.",
)
@click.option(
    "--since", type=MOMENT, metavar="TIME", help="Only runs accepted since: 10m, 2h, 14:05, 2026-11-28T14:05."
)
@click.option("--until", type=MOMENT, metavar="TIME", help="Only runs accepted before.")
@click.option("--trigger", metavar="NAME", help="Only runs that this trigger started.", shell_complete=trigger_names)
@click.option("--text", help="Only runs with this in their id, job, trigger, error message or arguments.")
@click.option(
    "-n", "--limit", type=click.IntRange(min=1), metavar="N", default=50, show_default=True, help="At most this many."
)
@endpoint_options
@output_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    job: str | None,
    job_option: str | None,
    states: tuple[list[str], ...],
    since: int | None,
    until: int | None,
    trigger: str | None,
    text: str | None,
    limit: int,
    output: str,
) -> None:
    """List runs of all jobs, or of JOB, the newest first.

    Options narrow the list together. Times are local ones unless they say otherwise.
    """
    if job is not None and job_option is not None:
        message = "the job is named twice; give JOB or --job."
        raise click.UsageError(message)
    runs = (
        context.ensure_object(Session)
        .client()
        .runs(
            job=job if job_option is None else job_option,
            state=",".join(state for some in states for state in some) or None,
            since_ms=since,
            until_ms=until,
            trigger=trigger,
            text=text or None,
            limit=limit,
        )
    )
    if print_for_programs(output, runs, ids=(run["id"] for run in runs)):
        return
    short = shortened(runs)
    columns = ("RUN", "JOB", "STATE", "STARTED", "TOOK", "DPU", "DETAIL")
    print_table(columns, ((short[run["id"]], *_told(run)) for run in runs))


def _told(run: Run) -> tuple[str, ...]:
    return (
        run["job_name"],
        run["state"],
        moment(run["started_on_ms"]),
        _took(run),
        f"{run['dpu']:g}",
        run["error_message"] or run["state_detail"] or "",
    )


def _took(run: Run) -> str:
    if run["wall_ms"] is None and run["state"] in {"RUNNING", "STOPPING"} and run["execution_time_s"] is not None:
        return duration(run["execution_time_s"] * 1000)  # so far
    return duration(run["wall_ms"])

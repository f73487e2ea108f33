"""`orchestrator runs`: list runs."""

import click

from orchestrator.faces.cli.client import Run
from orchestrator.faces.cli.following import ENDED
from orchestrator.faces.cli.lookup import shortened
from orchestrator.faces.cli.session import Session, endpoint_options
from orchestrator.faces.cli.tables import JSON, output_option, print_json, print_table
from orchestrator.faces.cli.text import duration, moment


@click.command("runs")
@click.argument("job", required=False)
@click.option(
    "--state",
    type=click.Choice(["WAITING", "STARTING", "RUNNING", "STOPPING", *sorted(ENDED)], case_sensitive=False),
    help="Only runs in this state.",
)
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="At most this many.")
@endpoint_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, job: str | None, state: str | None, limit: int, output: str) -> None:
    """List runs of all jobs, or of JOB, the newest first."""
    runs = context.ensure_object(Session).client().runs(job=job, state=state, limit=limit)
    if output == JSON:
        print_json(runs)
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

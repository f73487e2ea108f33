"""`orchestrator check`: find the mistakes in settings and job files before anything starts."""

import click

from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.session import Session, place_options
from orchestrator.faces.cli.tables import JSON, output_option, print_json
from orchestrator.faces.cli.text import in_one_line


@click.command("check")
@place_options
@output_option
@click.pass_context
def command(context: click.Context, /, *, output: str) -> None:
    """Find mistakes in settings and job files.

    Each is printed as FILE:LINE: MESSAGE. No daemon is needed.
    """
    # Here and not above: what checks jobs is slow to import, and `--help` imports every command.
    from orchestrator.faces.job_files import check  # noqa: PLC0415

    settings = context.ensure_object(Session).settings()
    problems = check(settings)
    if output == JSON:
        print_json([{"file": str(one.file), "line": one.line, "message": one.message} for one in problems])
    else:
        for problem in problems:
            place = str(problem.file) if problem.line is None else f"{problem.file}:{problem.line}"
            click.echo(in_one_line(f"{place}: {problem.message}"))
    if problems:
        context.exit(ExitCode.CONFIGURATION)
    if output != JSON:
        jobs = sum(1 for _ in settings.jobs_dir.glob("*/job.toml"))
        click.echo(f"{jobs} jobs, no mistakes")

"""`orchestrator check`: find the mistakes in settings, job files and the trigger file before anything starts."""

from pathlib import Path

import click

from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.output import TABLE, output_option_without_ids, print_for_programs
from orchestrator.faces.cli.session import Session, place_options
from orchestrator.faces.cli.text import in_one_line


@click.command("check")
@place_options
@output_option_without_ids
@click.pass_context
def command(context: click.Context, /, *, output: str) -> None:
    """Find mistakes in settings, job files and triggers.

    Each is printed as FILE:LINE: MESSAGE. No daemon is needed.
    """
    # Here and not above: what checks jobs is slow to import, and `--help` imports every command.
    from orchestrator import settings_sources as places  # noqa: PLC0415
    from orchestrator.faces import access_keys, notices, trigger_files  # noqa: PLC0415
    from orchestrator.faces.job_files import Problem, check  # noqa: PLC0415
    from orchestrator.faces.worlds import missing_on_machine  # noqa: PLC0415
    from orchestrator.settings import SettingsError  # noqa: PLC0415

    session = context.ensure_object(Session)
    try:
        settings = places.load(session.config, session.flags())
        mistakes = [*missing_on_machine(settings), *notices.missing_on_machine(settings)]
    except SettingsError as error:  # which hides no mistake of a job
        mistakes = [*error.mistakes]
        settings = places.defaults(session.config, session.flags())
    else:
        for load in (lambda: access_keys.load(settings.access), lambda: notices.load(settings)):
            try:
                load()
            except SettingsError as error:
                mistakes += error.mistakes
    problems = [Problem(file=Path(one.place or "settings"), line=one.line, message=one.message) for one in mistakes]
    problems += [*check(settings), *trigger_files.check(settings)]
    if output != TABLE:
        print_for_programs(
            output, [{"file": str(one.file), "line": one.line, "message": one.message} for one in problems]
        )
    else:
        for problem in problems:
            place = str(problem.file) if problem.line is None else f"{problem.file}:{problem.line}"
            click.echo(in_one_line(f"{place}: {problem.message}"))
    if problems:
        context.exit(ExitCode.CONFIGURATION)
    if output == TABLE:
        jobs = sum(1 for _ in settings.jobs_dir.glob("*/job.toml"))
        triggers = len(trigger_files.load(settings)[0].triggers)
        click.echo(f"{jobs} jobs, {triggers} triggers, no mistakes" if triggers else f"{jobs} jobs, no mistakes")

"""`orchestrator doctor`: look at the daemon, its state and its machine, and say what helps."""

import click

from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.output import TABLE, output_option_without_ids, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_option, place_options
from orchestrator.faces.cli.tables import print_table
from orchestrator.faces.cli.text import in_one_line


@click.command("doctor")
@click.option(
    "--patience",
    type=click.FloatRange(min=0.1),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long to look through the database, and how long through the runs' directories.",
)
@endpoint_option
@place_options
@output_option_without_ids
@click.pass_context
def command(context: click.Context, /, *, patience: float, output: str) -> None:
    """Look at the daemon, its state and its machine, and say what helps.

    Nothing is changed; the daemon may run. Exits with 1 if a look says "fail".
    """
    from orchestrator.faces.checkup import examine  # noqa: PLC0415 - slow to import
    from orchestrator.model.findings import Verdict  # noqa: PLC0415

    session = context.ensure_object(Session)

    def is_up() -> bool:
        try:
            return session.client().is_up()
        except CommandError:
            return False

    findings = list(examine(session.settings().state_dir, is_up=is_up, patience_s=patience))
    if output != TABLE:
        print_for_programs(
            output,
            [{"check": one.check, "verdict": one.verdict, "told": one.told, "remedy": one.remedy} for one in findings],
        )
    else:
        print_table(
            ("CHECK", "VERDICT", "FOUND"), ((one.check, one.verdict, one.told) for one in findings), is_cut=False
        )
        for one in findings:
            if one.remedy is not None and one.verdict is not Verdict.OK:
                click.echo(in_one_line(f"{one.check}: {one.remedy}"))
    if any(one.verdict is Verdict.FAIL for one in findings):
        context.exit(ExitCode.RUN_DID_NOT_SUCCEED)

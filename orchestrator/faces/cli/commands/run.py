"""`orchestrator run`: start a run, follow its log, and end as it ends."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import click

from orchestrator.faces.cli.answers import Run
from orchestrator.faces.cli.brief_daemon import brief_daemon
from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.commands.start import StartCommand, paired, request_start, start_options
from orchestrator.faces.cli.debugging import await_debugger, tell_how_to_attach, with_debugger
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.following import PATIENCE_S, await_end, follow, summary, tell_of_retry
from orchestrator.faces.cli.output import TABLE, output_option, print_for_programs
from orchestrator.faces.cli.session import Session, endpoint_option, place_options
from orchestrator.faces.cli.text import LogOutput


@click.command("run", cls=StartCommand)
@start_options
@click.option("-f", "--follow", is_flag=True, help="Follow the run, which it does anyway.")
@click.option("--stop-on-interrupt", is_flag=True, help="At Ctrl-C, stop the run and wait for its end.")
@click.option("--debug", is_flag=True, help="Let the script wait for a debugger; needs [runs] allow_debug.")
@click.option(
    "--debug-port", type=click.IntRange(0, 65_535), default=0, metavar="PORT", help="Where it listens.  [default: any]"
)
@endpoint_option
@place_options
@output_option
@click.pass_context
def command(
    context: click.Context,
    /,
    *,
    output: str,
    follow: bool,
    stop_on_interrupt: bool,
    debug: bool,
    debug_port: int,
    **start: Any,
) -> None:
    """Start a run, follow its log, end as it ends.

    The exit code is 0 if the run SUCCEEDED, and 1 if it ended otherwise. The script's stdout and stderr come out as
    they are written (with -o json, jsonl and id both on stderr, and the run itself on stdout at its end). On a terminal
    the last line tells the run's state, for how long it runs, and what its processes use. Ctrl-C ends the following
    and not the run, unless --stop-on-interrupt is given; the exit code is 130 then.

    With --debug the script begins when a debugger (debugpy) is attached, on this machine, and no timeout ends it; what
    is printed says how to attach one.

    If no daemon is up and no endpoint was named, one is run for the duration.
    """
    del follow
    paired(start["arguments"])  # a mistake in the arguments is told before a daemon is started
    session = context.ensure_object(Session)
    with _daemon(session) as (client, is_brief):
        if debug:
            start["arguments"] = with_debugger(client, start["arguments"], retry=start["retry"], port=debug_port)
        run_id = request_start(client, **start)
        end = follow_to_end(
            client,
            start["job"],
            run_id,
            output=output,
            stop_on_interrupt=stop_on_interrupt,
            is_debugged=debug,
            brief_options=session.as_options() if is_brief else None,
        )
    context.exit(tell_end(end, output))


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How following a run ended."""

    code: ExitCode
    run: Run | None  # None: Ctrl-C, and the run goes on


def follow_to_end(
    client: Client,
    job: str,
    run_id: str,
    *,
    output: str,
    stop_on_interrupt: bool,
    is_debugged: bool = False,
    brief_options: list[str] | None = None,
) -> End:
    """Follow a run that was just started; `brief_options` are those of a daemon that ends with this command."""
    stderr = LogOutput(sys.stderr)
    stdout = LogOutput(sys.stdout) if output == TABLE else stderr
    click.echo(f"orchestrator: {run_id} started", err=True)
    code = ExitCode.RUN_DID_NOT_SUCCEED
    try:
        # From here on a daemon that goes away is waited for; one that never was is told at once.
        if is_debugged and (place := await_debugger(client.patient(PATIENCE_S), run_id)) is not None:
            tell_how_to_attach(place)
        run = follow(client.patient(PATIENCE_S), run_id, stdout=stdout, stderr=stderr)
    except KeyboardInterrupt:
        code = ExitCode.INTERRUPTED
        if not stop_on_interrupt:
            click.echo(_how_to_go_on(run_id, brief_options), err=True)
            return End(code=code, run=None)
        run = _stop(client, job, run_id)
    return End(code=ExitCode.SUCCESS if run["state"] == "SUCCEEDED" else code, run=run)


def tell_end(end: End, output: str) -> ExitCode:
    """Say how the run ended, and return the exit code."""
    if end.run is not None:
        click.echo(f"orchestrator: {summary(end.run)}", err=True)
        tell_of_retry(end.run)
        print_for_programs(output, end.run, ids=[end.run["id"]])
    return end.code


@contextmanager
def _daemon(session: Session) -> Iterator[tuple[Client, bool]]:
    """Yield a client, and whether its daemon lives for this command only."""
    client = session.client()
    if client.endpoint.is_explicit or client.is_up():
        yield client, False
    else:
        with brief_daemon(client, session.as_options()):
            yield session.client(), True  # another: now there is a Unix socket, which needs no signature


def _how_to_go_on(run_id: str, brief_options: list[str] | None) -> str:
    """Say what to do next; `brief_options` are those of a daemon that ends with this command, None if it goes on."""
    program, first = "orchestrator", ""
    if brief_options is not None:
        program = shlex.join([program, *brief_options])
        first = f"`{program} serve` takes it up again; then "
    return (
        f"\norchestrator: {run_id} goes on. {first}`{program} logs -f {run_id}` follows it, "
        f"`{program} stop {run_id}` stops it."
    )


def _stop(client: Client, job: str, run_id: str) -> Run:
    """Stop the run and wait for its end; its log is read to its end by nobody."""
    client = client.patient(PATIENCE_S)  # the old one's connection was left in the middle of an answer
    click.echo(f"\norchestrator: stopping {run_id}", err=True)
    client.act("BatchStopJobRun", {"JobName": job, "JobRunIds": [run_id]})
    return await_end(client, run_id)["run"]

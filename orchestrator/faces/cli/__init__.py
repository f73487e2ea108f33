"""The command line. One file per command, imported when it is called, so that every command starts fast."""

import importlib
import os
from typing import Any, Final

import click

import orchestrator
from orchestrator.faces.cli.exit_codes import ExitCode
from orchestrator.faces.cli.session import Serve, Session, endpoint_option, place_options

_COMPLETE: Final = "_ORCHESTRATOR_COMPLETE"
"""Says that a shell asks what could stand behind its cursor, and which shell."""
_COMMANDS: Final = (
    "serve",
    "run",
    "start",
    "rerun",
    "stop",
    "runs",
    "top",
    "show",
    "explain",
    "logs",
    "wait",
    "bookmark",
    "jobs",
    "triggers",
    "trigger",
    "workflow",
    "apply",
    "check",
    "doctor",
    "backup",
    "restore",
    "gc",
    "completion",
)


class _Commands(click.Group):
    """The commands, each in the module of its name."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        if cmd_name not in _COMMANDS:
            return None
        module = importlib.import_module(f"orchestrator.faces.cli.commands.{cmd_name}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; where there is none of the name, say which are near: click knows only those it has seen."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=_COMMANDS, ctx=ctx) from None

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Tell the exit codes as well."""
        super().format_epilog(ctx, formatter)
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code.value), code.told) for code in ExitCode])


@click.group(
    "orchestrator",
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Without a command: serve. Runs may be named by the start of their id, or as @last or @last:JOB.",
)
@endpoint_option
@place_options
@click.version_option(orchestrator.__version__, prog_name="orchestrator")
@click.pass_context
def cli(context: click.Context) -> None:
    """Run AWS Glue jobs on this machine: a durable daemon and the commands that talk to it."""
    context.ensure_object(Session)
    if context.invoked_subcommand is None:
        serve = cli.get_command(context, "serve")
        assert serve is not None  # noqa: S101 - it is in _COMMANDS
        context.invoke(serve)


def main(serve: Serve, arguments: list[str] | None = None) -> int:
    """Run the command that `arguments` (else the process's own) name, and return its exit code.

    `serve` runs the daemon; it is handed down because a face does not import the composition root.
    """
    if _COMPLETE in os.environ:
        from orchestrator.faces.cli import shells  # noqa: PLC0415 - only a shell that asks needs it

        shells.answer()
    try:
        result: Any = cli.main(arguments, standalone_mode=False, obj=Session(serve=serve), complete_var=_COMPLETE)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return ExitCode.INTERRUPTED
    except SystemExit as ending:  # click's answer to EPIPE, and its way to end when a shell has asked
        return ExitCode.PIPE_CLOSED if _COMPLETE not in os.environ else int(ending.code or 0)
    return result if isinstance(result, int) else ExitCode.SUCCESS

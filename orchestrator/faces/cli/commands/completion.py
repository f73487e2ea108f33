"""`orchestrator completion`: what a shell needs to complete our commands."""

from typing import Final

import click

from orchestrator.faces.cli.shells import SHELLS

_HOW: Final = {
    "bash": 'eval "$(orchestrator completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(orchestrator completion zsh)"   # in ~/.zshrc, behind compinit',
    "fish": "orchestrator completion fish | source   # in ~/.config/fish/config.fish",
}
_VARIABLE: Final = "_ORCHESTRATOR_COMPLETE"


@click.command("completion", epilog="\b\n" + "\n".join(_HOW.values()))
@click.argument("shell", type=click.Choice(sorted(_HOW)))
@click.pass_context
def command(context: click.Context, /, *, shell: str) -> None:
    """Print what a shell needs to complete commands.

    SHELL reads it and completes commands, options, names of jobs, triggers and workflows, and ids of runs. Names and ids come from the daemon, if it answers within 0.3 seconds. Names that a shell would have to quote are
    left out.
    """
    click.echo(SHELLS[shell](context.find_root().command, {}, "orchestrator", _VARIABLE).source())

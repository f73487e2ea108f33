"""Write docs/cli.md from the commands themselves: `python -m tests.support.cli_reference`."""

import html
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click

from orchestrator.faces.cli import cli
from orchestrator.faces.cli.exit_codes import ExitCode

TARGET: Final = Path(__file__).parents[2] / "docs" / "cli.md"
_HEAD: Final = """\
# The command line

Generated from the commands themselves; do not edit. `make cli-docs` writes it anew.

Every command takes `-h`. Which daemon is meant say `--endpoint-url`, else `AWS_ENDPOINT_URL_GLUE`, `AWS_ENDPOINT_URL`, else the
settings: the socket in the state directory, or `host` and `port`. These options may stand before or behind the command's
name; they are left out of the tables below.

**Runs** may be named by the start of their id, with or without `jr_`, as long as only one run fits. `@last` is the newest
run, `@last:JOB` the newest of a job.

**Times** are a length of time ago (`10m`, `2h`, `1d12h`), a time of today (`14:05`), or a date with or without a time and an offset
(`2026-11-28`, `2026-11-28T14:05+01:00`); without an offset they are local.

**Output.** `-o table` is for people: on a terminal it fits the width and states are coloured. `NO_COLOR` and `TERM=dumb` are heeded,
and a pipe gets plain text with nothing cut off. `-o json` prints one JSON value, `-o jsonl` one line for each thing in a list,
`-o id` names or ids alone: `orchestrator stop $(orchestrator runs --state WAITING -o id)`. Other people's text, such as names and logs,
never commands a terminal; it is spelled out (`\\x1b`).
"""
_COMPLETION: Final = """\
## How shells complete

    eval "$(orchestrator completion bash)"         # bash: in ~/.bashrc
    eval "$(orchestrator completion zsh)"          # zsh: in ~/.zshrc, behind compinit
    orchestrator completion fish | source          # fish: in ~/.config/fish/config.fish
"""
_PLACES: Final = {"endpoint_url", "config", "state_dir", "host", "port", "jobs_dir"}


def reference() -> str:
    """Return the whole page."""
    context = click.Context(cli, info_name="orchestrator", terminal_width=100, **cli.context_settings)
    commands = [part for name in cli.list_commands(context) for part in _commands(context, name)]
    codes = [
        "## Exit codes",
        "",
        "| code | means |",
        "|---|---|",
        *(f"| {c.value} | {_cell(c.told)} |" for c in ExitCode),
    ]
    return "\n".join([_HEAD, *commands, _COMPLETION, *codes, ""])


def _commands(parent: click.Context, name: str) -> Iterator[str]:
    group = parent.command
    assert isinstance(group, click.Group)
    command = group.get_command(parent, name)
    assert command is not None
    if command.hidden:
        return
    context = click.Context(command, info_name=name, parent=parent)
    is_group = isinstance(command, click.Group)
    if parent.parent is None or not is_group:
        yield _section(context, command, level="##" if parent.parent is None else "###")
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            yield from _commands(context, inner)


def _section(context: click.Context, command: click.Command, *, level: str) -> str:
    usage = " ".join(command.collect_usage_pieces(context))
    words = context.command_path
    lines = [f"{level} {words.removeprefix('orchestrator ')}", ""]
    if not isinstance(command, click.Group):
        lines += [f"    {words} {usage}".rstrip(), ""]
    lines += [_prose(command.help or ""), ""]
    options = [
        option
        for option in command.get_params(context)
        if isinstance(option, click.Option)
        and option.name not in _PLACES
        and "--help" not in option.opts
        and not option.hidden
    ]
    if options:
        lines += ["| option | |", "|---|---|", *(_row(option, context) for option in options), ""]
    return "\n".join(lines)


def _row(option: click.Option, context: click.Context) -> str:
    names, told = option.get_help_record(context) or ("", "")
    return f"| <code>{_cell(html.escape(names, quote=False))}</code> | {_cell(told)} |"


def _prose(text: str) -> str:
    """Return a help text as paragraphs, a line each."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(text))
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


def _cell(text: str) -> str:
    """Return a text without what would end the cell; an escape would be seen within code where the guide is built."""
    return " ".join(text.split()).replace("|", "&#124;")


if __name__ == "__main__":
    TARGET.write_text(reference())

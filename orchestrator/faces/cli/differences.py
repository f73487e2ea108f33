"""What differs between two texts, as diff -u tells it, in colour where colours are wanted."""

import json
import sys
from collections.abc import Iterator
from typing import Final

import click

from orchestrator.faces.cli.text import in_one_line, wants_colour

_COLOURS: Final = {"+": "green", "-": "red", "@": "cyan"}


def print_difference(before: str, after: str, *, name_before: str, name_after: str) -> bool:
    """Print the difference of two texts, line by line; return whether there is one."""
    found = False
    for line in _difference(before, after, name_before, name_after):
        found = True
        click.echo(line, color=True)
    return found


def readable(text: str) -> str:
    """Return JSON with a member to a line, and any other text as it is."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return json.dumps(value, indent=2, ensure_ascii=False) if isinstance(value, dict | list) else text


def _difference(before: str, after: str, name_before: str, name_after: str) -> Iterator[str]:
    import difflib  # noqa: PLC0415 - it takes a while to import

    in_colour = wants_colour(sys.stdout)
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), in_one_line(name_before), in_one_line(name_after), lineterm=""
    )
    for number, line in enumerate(lines):
        harmless = in_one_line(line)
        if not in_colour:
            yield harmless
        elif number < len(("---", "+++")):
            yield click.style(harmless, bold=True)
        else:
            colour = _COLOURS.get(harmless[:1])
            yield harmless if colour is None else click.style(harmless, fg=colour)

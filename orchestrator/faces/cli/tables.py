"""What a command prints: aligned text for people, JSON for programs."""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterable, Sequence
from typing import Final

import click

from orchestrator.faces.cli.client import Move
from orchestrator.faces.cli.text import in_one_line, is_terminal, moment, wants_colour

TABLE: Final = "table"
JSON: Final = "json"

_LEAST_WIDTH: Final = 24
"""What a long cell is never cut below, so that what is short, ids above all, stays whole."""
_LEAST_LAST_WIDTH: Final = 8

_COLOURS: Final = {
    "ERROR": "red",
    "FAILED": "red",
    "RUNNING": "cyan",
    "STARTING": "cyan",
    "STOPPED": "yellow",
    "STOPPING": "yellow",
    "SUCCEEDED": "green",
    "TIMEOUT": "red",
    "WAITING": "cyan",
}


output_option: Final = click.option(
    "-o", "--output", type=click.Choice([TABLE, JSON]), default=TABLE, show_default=True, help="How to print."
)


def print_json(value: object) -> None:
    """Print `value` as JSON. ASCII only, so that no text in it can reach a terminal as a control character."""
    click.echo(json.dumps(value, indent=2))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print `rows` under `columns`; on a terminal long cells are cut so that rows fit, and states are coloured."""
    stdout = sys.stdout
    width = shutil.get_terminal_size().columns if is_terminal(stdout) else None
    for line in render(columns, rows, width=width, coloured=wants_colour(stdout)):
        click.echo(line, color=True)


def print_facts(facts: Iterable[tuple[str, str]]) -> None:
    """Print one `name  value` per line, the values aligned."""
    pairs = list(facts)
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        click.echo(f"{name:<{width}}  {in_one_line(value)}")


def print_history(history: Iterable[Move]) -> None:
    """Print a run's transitions."""
    print_table(
        ("AT", "FROM", "EVENT", "STATE"),
        (
            (moment(move["at_ms"]), move["from_state"] or "-", move["event"] or "accepted", move["to_state"])
            for move in history
        ),
    )


def print_paragraph(text: str) -> None:
    """Print sentences; on a terminal lines end between words."""
    line = in_one_line(text)
    width = shutil.get_terminal_size().columns
    wrapped = textwrap.wrap(line, width, break_long_words=False, break_on_hyphens=False)
    click.echo("\n".join(wrapped) if is_terminal(sys.stdout) else line)


def render(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, width: int | None = None, coloured: bool = False
) -> list[str]:
    """Return the lines of a table, at most `width` characters wide if its widest columns can give way."""
    table = [list(columns), *([in_one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(row[place]) for row in table) for place in range(len(columns))]
    if width is not None:
        _narrow(widths, width)
    lines = []
    for row in table:
        cells = [_fit(cell, widths[place]) for place, cell in enumerate(row)]
        if coloured and row is not table[0]:
            cells = [_colour(cell) for cell in cells]
        lines.append("  ".join(cells).rstrip())
    return lines


def _narrow(widths: list[int], width: int) -> None:
    """Take from the widest column, again and again, until a row fits into `width` or no column can give more."""
    least = [*(_LEAST_WIDTH for _ in widths[:-1]), _LEAST_LAST_WIDTH]
    for _ in range(sum(widths) + 2 * (len(widths) - 1) - width):
        can_give = [place for place, floor in enumerate(least) if widths[place] > floor]
        if not can_give:
            return
        widths[max(can_give, key=lambda place: (widths[place], place))] -= 1


def _fit(cell: str, width: int) -> str:
    return cell[: width - 1] + "…" if len(cell) > width else cell.ljust(width)


def _colour(cell: str) -> str:
    colour = _COLOURS.get(cell.strip())
    return cell if colour is None else click.style(cell, fg=colour)

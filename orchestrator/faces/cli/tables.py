"""What a command prints: aligned text for people, JSON for programs."""

import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import click

from orchestrator.faces.cli.answers import Move
from orchestrator.faces.cli.text import columns_of, cut, in_one_line, is_terminal, moment, wants_colour, wrapped

_LEAST_WIDTH: Final = 24
"""What a long cell is never cut below, so that what is short, ids above all, stays whole."""
_LEAST_LAST_WIDTH: Final = 8
_ID_WIDTH: Final = 67
"""What an id takes, which is never broken."""

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


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    least: Mapping[str, int] | None = None,
    gives_first: str | None = None,
    is_cut: bool = True,
) -> None:
    """Print `rows` under `columns`; on a terminal long cells are cut so that rows fit, and states are coloured.

    Without `is_cut` the terminal breaks long rows instead. `least` is what columns are not cut below where that is not as
    usual; `gives_first` is cut before any other.
    """
    stdout = sys.stdout
    width = shutil.get_terminal_size().columns if is_cut and is_terminal(stdout) else None
    in_colour = wants_colour(stdout)
    for line in render(columns, rows, width=width, in_colour=in_colour, least=least, gives_first=gives_first):
        click.echo(line, color=True)


def print_facts(facts: Iterable[tuple[str, str]], *, wraps: bool = False) -> None:
    """Print one `name  value` per line, the values aligned; with `wraps`, long values take lines on a terminal."""
    pairs = [(in_one_line(name), value) for name, value in facts]  # arguments and properties name themselves
    label_width = max((columns_of(name) for name, _ in pairs), default=0)
    room = shutil.get_terminal_size().columns - label_width - 2
    for name, value in pairs:
        line = in_one_line(value)
        is_long = wraps and is_terminal(sys.stdout) and columns_of(line) > max(room, _ID_WIDTH)
        lines = wrapped(line, max(room, _LEAST_WIDTH)) if is_long else [line]
        for label, part in zip([name, *("" for _ in lines[1:])], lines, strict=True):
            click.echo(f"{label}{' ' * (label_width - columns_of(label))}  {part}")


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
    lines = wrapped(line, shutil.get_terminal_size().columns) if is_terminal(sys.stdout) else [line]
    click.echo("\n".join(lines))


def render(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    width: int | None = None,
    in_colour: bool = False,
    least: Mapping[str, int] | None = None,
    gives_first: str | None = None,
) -> list[str]:
    """Return the lines of a table, at most `width` columns of a terminal wide if its widest cells can give way.

    Without `width` nothing is cut: a cell that is longer than an id moves the rest of its own row, and of no other.
    """
    table = [list(columns), *([in_one_line(cell) for cell in row] for row in rows)]
    lengths = [[columns_of(row[place]) for row in table] for place in range(len(columns))]
    if width is None:
        widths = [max(length for length in column if length <= max(_ID_WIDTH, column[0])) for column in lengths]
    else:
        widths = [max(column) for column in lengths]
        usual = [*(_LEAST_WIDTH for _ in widths[:-1]), _LEAST_LAST_WIDTH]
        floors = [(least or {}).get(name, floor) for name, floor in zip(columns, usual, strict=True)]
        if gives_first is not None:
            _narrow(widths, width, {columns.index(gives_first): floors[columns.index(gives_first)]})
        _narrow(widths, width, dict(enumerate(floors)))
    lines = []
    for row in table:
        cells = [_fit(cell, widths[place], is_cut=width is not None) for place, cell in enumerate(row)]
        if in_colour and row is not table[0]:
            cells = [coloured(cell) for cell in cells]
        line = "  ".join(cells).rstrip()
        lines.append(click.style(line, bold=True) if in_colour and row is table[0] else line)
    return lines


def _narrow(widths: list[int], width: int, floors: Mapping[int, int]) -> None:
    """Take from the widest of some columns, again and again, until a row fits into `width` or none can give more."""
    for _ in range(sum(widths) + 2 * (len(widths) - 1) - width):
        can_give = [place for place, floor in floors.items() if widths[place] > floor]
        if not can_give:
            return
        widths[max(can_give, key=lambda place: (widths[place], place))] -= 1


def _fit(cell: str, width: int, *, is_cut: bool) -> str:
    missing = width - columns_of(cell)
    if missing >= 0 or not is_cut:
        return cell + " " * missing
    kept = cut(cell, width - 1) + "…"
    return kept + " " * (width - columns_of(kept))


def coloured(cell: str) -> str:
    """Return a cell, or a word, in its colour if it is a state's name."""
    colour = _COLOURS.get(cell.strip())
    return cell if colour is None else click.style(cell, fg=colour)

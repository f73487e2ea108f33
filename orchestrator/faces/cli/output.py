"""In which form a command prints: for people, or for programs as JSON, as a line of JSON for each thing, or as ids alone."""

import json
from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

import click

from orchestrator.faces.cli.text import in_one_line

TABLE: Final = "table"
JSON: Final = "json"
JSONL: Final = "jsonl"
ID: Final = "id"

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _option(forms: list[str]) -> Callable[[_Command], _Command]:
    return click.option(
        "-o", "--output", type=click.Choice(forms), default=TABLE, show_default=True, help="How to print."
    )


output_option: Final = _option([TABLE, JSON, JSONL, ID])
output_option_without_ids: Final = _option([TABLE, JSON, JSONL])


def print_json(value: object) -> None:
    """Print `value` as JSON. ASCII only, so that no text in it can reach a terminal as a control character."""
    click.echo(json.dumps(value, indent=2))


def print_for_programs(output: str, value: object, *, ids: Iterable[str] = ()) -> bool:
    """Print `value` in the form that was asked for, and say so; False: a person asked, and nothing was printed.

    As `jsonl` a list takes a line for each of its elements. `ids` are the names or ids of what is told.
    """
    if output == JSON:
        print_json(value)
    elif output == JSONL:
        for one in value if isinstance(value, list) else [value]:
            click.echo(json.dumps(one))
    elif output == ID:
        for name in ids:
            click.echo(in_one_line(name))
    return output != TABLE

"""The table as text: aligned for a terminal, and as Markdown for docs/performance.md. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.benchmarks.figures import ABSENT, Row, Sample, Spread, spell, spell_target, spreads

_HEAD: Final = ("work", "what", "median", "lowest – highest", "target", "")
_FIGURES_HEAD: Final = ("work", "contender", "measure", "median", "lowest – highest")
_VERDICTS: Final = {True: "reached", False: "not reached", None: ""}
BEGIN: Final = "<!-- figures -->"
END: Final = "<!-- /figures -->"


def text(rows: Sequence[Row], samples: Sequence[Sample], facts: Mapping[str, str], left_out: Mapping[str, str]) -> str:
    """Return everything that is printed and stored as text."""
    parts = [
        "\n".join(f"{name}: {value}" for name, value in facts.items()),
        aligned([_HEAD, *map(_cells, rows)]),
        aligned([_FIGURES_HEAD, *_figure_cells(samples)]),
    ]
    if left_out:
        parts.append("NOT MEASURED\n" + "\n".join(f"  {name}: {reason}" for name, reason in left_out.items()))
    return "\n\n".join(parts) + "\n"


def markdown(
    rows: Sequence[Row], samples: Sequence[Sample], facts: Mapping[str, str], left_out: Mapping[str, str]
) -> str:
    """Return the same for docs/performance.md."""
    parts = [
        "; ".join(f"{name} {value}" for name, value in facts.items()) + ".",
        _markdown_table([_HEAD, *map(_cells, rows)]),
        _markdown_table([_FIGURES_HEAD, *_figure_cells(samples)]),
    ]
    if left_out:
        parts.append("Not measured: " + "; ".join(f"{name} ({reason})" for name, reason in left_out.items()) + ".")
    return "\n\n".join(parts) + "\n"


def put_between(document: str, figures: str) -> str:
    """Return the document with `figures` between its two markers.

    Raises:
        ValueError: it has no such place.
    """
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        message = f"the document has no place between {BEGIN} and {END}"
        raise ValueError(message)
    return f"{before}{BEGIN}\n{figures}{END}{after}"


def aligned(lines: Sequence[Sequence[str]]) -> str:
    """Return lines whose cells stand below each other."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    goal = row.goal
    return (goal.work, goal.name, *_spread_cells(row.spread), spell_target(goal), _VERDICTS[row.is_reached])


def _figure_cells(samples: Sequence[Sample]) -> list[tuple[str, ...]]:
    return [(*key, *_spread_cells(spread)) for key, spread in spreads(samples).items()]


def _spread_cells(spread: Spread | None) -> tuple[str, str]:
    if spread is None:
        return ABSENT, ABSENT
    return spell(spread.middle), f"{spell(spread.lowest)} – {spell(spread.highest)}"


def _markdown_table(lines: Sequence[Sequence[str]]) -> str:
    head, *rest = ("| " + " | ".join(line) + " |" for line in lines)
    return "\n".join([head, "|" + "---|" * len(lines[0]), *rest])

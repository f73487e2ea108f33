"""What is kept of a run of the benchmarks: every figure as JSON, and the table as text."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.benchmarks.figures import Row, Sample


def as_json(
    rows: Sequence[Row],
    samples: Sequence[Sample],
    facts: Mapping[str, str],
    left_out: Mapping[str, str],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Return everything as JSON's types."""
    return {
        "facts": dict(facts),
        "options": dict(options),
        "left_out": dict(left_out),
        "ratios": [_row(row) for row in rows],
        "samples": [asdict(sample) for sample in samples],
    }


def store(directory: Path, document: Mapping[str, Any], text: str) -> None:
    """Write both files."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "bench.json").write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (directory / "bench.txt").write_text(text, encoding="utf-8")


def _row(row: Row) -> dict[str, Any]:
    goal, spread = row.goal, row.spread
    return {
        "work": goal.work,
        "name": goal.name,
        "better": goal.better,
        "target": goal.target,
        "is_reached": row.is_reached,
        "rounds": [] if spread is None else list(spread.rounds),
        "median": None if spread is None else spread.middle,
        "lowest": None if spread is None else spread.lowest,
        "highest": None if spread is None else spread.highest,
    }

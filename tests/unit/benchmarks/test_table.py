"""The table says everything that was measured, and names what was not."""

import json
from pathlib import Path
from typing import Final

import pytest

from tests.benchmarks import results, table
from tests.benchmarks.figures import Goal, Quantity, Sample, compare

GOALS: Final = [
    Goal(work="W1", name="÷ xargs", of=Quantity("ours", "runs/s"), over=Quantity("xargs", "runs/s"), target=0.75),
    Goal(work="W1", name="÷ huey", of=Quantity("ours", "runs/s"), over=Quantity("huey", "runs/s"), target=1),
]
SAMPLES: Final = [
    Sample(work="W1", round=number, contender=contender, measure="runs/s", value=value)
    for number, contender, value in [(1, "ours", 80), (1, "xargs", 100), (2, "ours", 60), (2, "xargs", 100)]
]
FACTS: Final = {"cores": "2", "xargs": "4.9.0"}
LEFT_OUT: Final = {"huey": "not installed"}


def lines() -> list[str]:
    return table.text(compare(GOALS, SAMPLES), SAMPLES, FACTS, LEFT_OUT).splitlines()


def test_a_row_tells_median_spread_target_and_whether_it_is_reached() -> None:
    (row,) = [line for line in lines() if "÷ xargs" in line]

    assert row.split() == ["W1", "÷", "xargs", "0.70", "0.60", "–", "0.80", "≥", "0.75", "not", "reached"]


def test_a_row_without_figures_has_none_and_the_reason_is_told() -> None:
    (row,) = [line for line in lines() if "÷ huey" in line]

    assert row.split() == ["W1", "÷", "huey", "–", "–", "≥", "1"]
    assert "  huey: not installed" in lines()


def test_columns_stand_below_each_other() -> None:
    assert table.aligned([("a", "b"), ("long", "c")]) == "a     b\nlong  c"


def test_every_contenders_figures_are_told_with_the_facts() -> None:
    assert "W1    xargs      runs/s   100     100 – 100" in lines()
    assert lines()[:2] == ["cores: 2", "xargs: 4.9.0"]


def test_markdown_replaces_what_stood_between_the_markers() -> None:
    figures = table.markdown(compare(GOALS, SAMPLES), SAMPLES, FACTS, LEFT_OUT)
    document = f"before\n{table.BEGIN}\nold\n{table.END}\nafter\n"

    written = table.put_between(document, figures)

    assert "old" not in written
    assert "| W1 | ÷ xargs | 0.70 | 0.60 – 0.80 | ≥ 0.75 | not reached |" in written
    assert "Not measured: huey (not installed)." in written
    assert table.put_between(written, figures) == written
    assert (written.splitlines()[0], written.splitlines()[-1]) == ("before", "after")


def test_a_document_without_a_place_is_left_alone() -> None:
    with pytest.raises(ValueError, match="no place"):
        table.put_between("nothing\n", "figures")


def test_the_document_of_this_repository_has_the_place() -> None:
    document = (Path(__file__).parents[3] / "docs" / "performance.md").read_text(encoding="utf-8")

    assert "figures" in table.put_between(document, "figures\n")


def test_everything_is_kept_as_json(tmp_path: Path) -> None:
    rows = compare(GOALS, SAMPLES)
    results.store(tmp_path / "new", results.as_json(rows, SAMPLES, FACTS, LEFT_OUT, {"rounds": "2"}), "the table")

    kept = json.loads((tmp_path / "new" / "bench.json").read_text(encoding="utf-8"))

    assert (kept["facts"], kept["left_out"], kept["options"]) == (FACTS, LEFT_OUT, {"rounds": "2"})
    assert [(one["rounds"], one["median"], one["is_reached"]) for one in kept["ratios"]] == [
        ([0.8, 0.6], 0.7, False),
        ([], None, None),
    ]
    assert len(kept["samples"]) == len(SAMPLES)
    assert (tmp_path / "new" / "bench.txt").read_text(encoding="utf-8") == "the table"

"""Trees are drawn with a line to every child, and with characters that whoever reads them can show."""

import io
import sys

import pytest

from orchestrator.faces.cli.trees import MOST_SHOWN, branches
from tests.unit.cli.conftest import Terminal

DEPTHS = [0, 1, 2, 3, 2, 1, 2, 0, 1]


def test_every_line_is_tied_to_the_one_it_hangs_below() -> None:
    assert branches(DEPTHS, boxes=True) == [
        "",
        "├─ ",
        "│  ├─ ",
        "│  │  └─ ",
        "│  └─ ",
        "└─ ",
        "   └─ ",
        "",
        "└─ ",
    ]


def test_ascii_has_the_same_form() -> None:
    drawn = branches(DEPTHS, boxes=False)

    boxes = str.maketrans({"├": "|", "└": "`", "│": "|", "─": "-"})
    assert drawn == [line.translate(boxes) for line in branches(DEPTHS, boxes=True)]
    assert all(line.isascii() for line in drawn)


def test_boxes_are_for_terminals_that_can_show_them(monkeypatch: pytest.MonkeyPatch, terminal: Terminal) -> None:
    class Narrow(io.StringIO):
        encoding = "latin-1"

        def isatty(self) -> bool:
            return True

    for stream, boxes in ((terminal, True), (Narrow(), False), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stdout", stream)
        assert branches([0, 1])[1] == ("└─ " if boxes else "`- ")


def test_a_deep_tree_does_not_run_off_to_the_right() -> None:
    drawn = branches(list(range(1000)))

    assert max(map(len, drawn)) == 3 * MOST_SHOWN
    assert branches([]) == []

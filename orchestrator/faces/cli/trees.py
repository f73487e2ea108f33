"""Drawing trees: what stands before each line, in box characters on a terminal and in ASCII elsewhere."""

import sys
from collections.abc import Sequence
from typing import IO, Any, Final

from orchestrator.faces.cli.text import is_terminal

MOST_SHOWN: Final = 20
"""How deep lines are indented; deeper ones stand below each other."""
_BOXES: Final = ("├─ ", "└─ ", "│  ")
_ASCII: Final = ("|- ", "`- ", "|  ")


def branches(depths: Sequence[int], *, boxes: bool | None = None) -> list[str]:
    """Return what stands before each line of a tree whose lines have these depths, the roots' being 0."""
    has_boxes = _takes_boxes(sys.stdout) if boxes is None else boxes
    fork, last, bar = _BOXES if has_boxes else _ASCII
    drawn: list[str] = []
    open_at: set[int] = set()  # depths at which a later line, of the same parent, still comes
    for depth in reversed(depths):
        shown = min(depth, MOST_SHOWN)
        open_at = {level for level in open_at if level <= depth}
        if depth == 0:
            drawn.append("")
        else:
            before = "".join(bar if level in open_at else "   " for level in range(1, shown))
            drawn.append(before + (fork if depth in open_at else last))
        open_at.add(depth)
    return drawn[::-1]


def _takes_boxes(stream: IO[Any]) -> bool:
    if not is_terminal(stream):
        return False
    try:
        "".join(_BOXES).encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True

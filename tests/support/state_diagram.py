"""The table of states as a Mermaid diagram, for ARCHITECTURE.md.

`python -m tests.support.state_diagram` prints it; the block between the markers `<!-- states -->` and
`<!-- /states -->` of the document must be the same.
"""

from collections import defaultdict
from typing import Final

from orchestrator.model.states import TERMINAL, TRANSITIONS, JobRunState

BEGIN: Final = "<!-- states -->"
END: Final = "<!-- /states -->"
_FIRST: Final = (JobRunState.STARTING, JobRunState.WAITING)


def mermaid() -> str:
    """Return the diagram as a fenced block of Markdown: one arrow for each pair of states, with its events."""
    events: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for (before, event), after in TRANSITIONS.items():
        events[before, after].append(event)
    reached = {after for _, after in events}
    lines = [f"    [*] --> {state}" for state in _FIRST]
    lines += [f"    {before} --> {after}: {', '.join(names)}" for (before, after), names in events.items()]
    lines += [f"    {state} --> [*]" for state in JobRunState if state in TERMINAL and state in reached]
    return "\n".join(["```mermaid", "stateDiagram-v2", *lines, "```"])


def shown_in(document: str) -> str | None:
    """Return the block that `document` shows between the markers, or None where it has no markers."""
    _, begin, rest = document.partition(BEGIN)
    block, end, _ = rest.partition(END)
    return block.strip() if begin and end else None


if __name__ == "__main__":
    print(mermaid())  # noqa: T201 - it is what this is for

"""Named points at which a test can kill the process: no-ops unless the environment arms one.

`ORCHESTRATOR_CRASH_AT=<point>` or `<point>:<n>` kills the process with SIGKILL when it reaches the point for the
n-th time; `<point>:stop` freezes it there until SIGCONT, so that others overtake it; several are separated by commas.
`ORCHESTRATOR_CRASH_LOG=<file>` writes down each point that is reached, so that a test can hold that every point is.
The shim has its own copy of the same few lines, because it imports the standard library only; the spawn server uses that.
"""

import os
import signal
from collections import Counter
from typing import Final

_ARMED: Final = dict(point.partition(":")[::2] for point in os.environ.get("ORCHESTRATOR_CRASH_AT", "").split(","))
_LOG: Final = os.environ.get("ORCHESTRATOR_CRASH_LOG", "")
_seen: Final[Counter[str]] = Counter()


def reach(point: str) -> None:
    """Say that the process is at `point`."""
    if _LOG:
        with open(_LOG, "a", encoding="ascii") as log:  # noqa: PTH123 - one unbuffered append, as in the shim
            log.write(point + "\n")
    if point in _ARMED:
        _seen[point] += 1
        if _ARMED[point] == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif _seen[point] == int(_ARMED[point] or 1):
            os.kill(os.getpid(), signal.SIGKILL)

"""rich is for a person at a terminal. structlog would load it into the daemon too: it does wherever rich is installed."""

import sys


def keep_out() -> None:
    """Let `import rich` fail in this process, as where it is not installed."""
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # what Python takes for "there is none"


def let_in() -> None:
    """Let it be imported again."""
    if sys.modules.get("rich", sys) is None:
        del sys.modules["rich"]

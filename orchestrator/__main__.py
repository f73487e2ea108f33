"""The program: `python -m orchestrator`, and the console script `orchestrator`."""

import gc
import sys
from typing import TYPE_CHECKING

from orchestrator.faces import cli
from orchestrator.faces.cli import rich_apart
from orchestrator.faces.cli.importing import uncollected

if TYPE_CHECKING:
    from orchestrator.settings import Settings


def main() -> None:
    """Run the command line and exit with its code."""
    rich_apart.keep_out()
    sys.exit(cli.main(_serve))


def _serve(settings: "Settings", *, with_parent: bool) -> int:
    with uncollected():
        from orchestrator.app import serve  # noqa: PLC0415 - only `serve` needs the daemon, which takes long to import

    gc.freeze()  # what is there now stays until the end
    return serve(settings, with_parent=with_parent)


if __name__ == "__main__":
    main()

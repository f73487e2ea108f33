"""Runs a script that waits for a debugger first: executed in the script's own process, by its interpreter.

    python -X frozen_modules=off debugged.py PORT SCRIPT [ARGUMENT ...]

Standard library only, but for debugpy, which is the script's. It listens on loopback alone. The one line that it writes to
stderr is what `orchestrator run --debug` looks for.
"""

import importlib
import os
import runpy
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

HOST = "127.0.0.1"
WAITS = "orchestrator: waits for a debugger at"


def main() -> None:
    """Wait until a debugger is attached, and then be the script."""
    port, script = int(sys.argv[1]), sys.argv[2]
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]  # this file's directory: the script knows nothing of it
    del sys.argv[:2]
    debugpy = _debugpy()
    _, port = debugpy.listen((HOST, port))
    sys.stderr.write(f"{WAITS} {HOST}:{port}\n")
    sys.stderr.flush()
    debugpy.wait_for_client()
    if os.path.isfile(script) and script.endswith(".py"):
        sys.path.insert(0, os.path.dirname(os.path.realpath(script)))
    runpy.run_path(script, run_name="__main__")


def _debugpy() -> "Any":
    try:
        return importlib.import_module("debugpy")
    except ModuleNotFoundError as error:
        message = (
            f"{error}: the interpreter {sys.executable} has no debugpy, by which a run waits for a debugger; "
            "install it there, or name it in --additional-python-modules"
        )
        raise ModuleNotFoundError(message) from None


if __name__ == "__main__":
    main()

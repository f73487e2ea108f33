"""A machine with a systemd for what the guide does as root, on which the program seems to be installed in /opt."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from tests.support.daemon import ROOT
from tests.support.systemd import UNIT, Machine, missing

_CLONE: Final = "/opt/clone"
_EXPORTED: Final = f"{_CLONE}/.exported"
_PROGRAM: Final = f"""#!/bin/sh
PYTHONPATH={ROOT} exec {sys.executable} -m orchestrator "$@"
"""


class Host:
    """The machine, and the variables that root's shell has by now. It is started at the first need."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._stack = ExitStack()
        self._machine: Machine | None = None

    @property
    def machine(self) -> Machine:
        """The machine; where none can be made the test is skipped."""
        if self._machine is None:
            lacking = missing()
            if lacking is not None:
                pytest.skip(lacking)
            self._machine = self._stack.enter_context(Machine())
            self._machine.lend_program()
            self.write(Path("/opt/orchestrator/bin/orchestrator"), _PROGRAM)
            self.write(Path(_CLONE) / "config" / UNIT, (ROOT / "config" / UNIT).read_text())
            self.write(Path(_EXPORTED), "export PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 TZ=UTC\n")
        return self._machine

    def write(self, path: Path, text: str) -> None:
        """Write a file, as root with the usual umask would."""
        place = self.machine.path(str(path))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        place.chmod(0o755 if text.startswith("#!") else 0o644)

    def run(self, text: str) -> tuple[int, str]:
        """Run a block in a clone of the repository; return its exit code, and what it printed."""
        kept = f"trap 'code=$?; export -p >{_EXPORTED}; exit $code' EXIT"
        return self.machine.shell(f"cd {_CLONE}\n. {_EXPORTED}\n{kept}\nset -ea\n{text}")

    def close(self) -> None:
        """End the machine, and all that runs on it."""
        self._stack.close()

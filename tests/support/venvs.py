"""A virtual environment without anything installed, whose packages are a directory of the test's own."""

import subprocess
import sys
import textwrap
from pathlib import Path

from orchestrator.executors.world import Runtime


class Venv:
    """An interpreter that finds what the test writes for it."""

    def __init__(self, root: Path) -> None:
        """Make it below `root`."""
        self.root = root / "venv"
        self.modules = root / "modules"
        self.modules.mkdir()
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(self.root)], check=True)
        (self.packages / "ours.pth").write_text(f"{self.modules}\n")

    @property
    def packages(self) -> Path:
        """Where an installer would put packages."""
        return next((self.root / "lib").glob("python*/site-packages"))

    def module(self, name: str, text: str) -> str:
        """Write a module; return its name."""
        (self.modules / f"{name}.py").write_text(textwrap.dedent(text))
        return name

    def runtime(self, *preload: str) -> Runtime:
        """Return a runtime of this environment."""
        return Runtime(str(self.root / "bin" / "python"), preload, ())

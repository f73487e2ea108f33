"""Projects of users, each in a directory of its own, whose tests are run by a pytest process as users start it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psutil

from tests.support import processes
from tests.support.daemon import ROOT

WITHIN_S: Final = 120  # a daemon for each test, on a machine that has other things to do, too
EXAMPLE: Final = Path(__file__).parent / "example"
_BORROWED: Final = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


class Project:
    """A project below `root`, with the temporary directory that its tests use: what is left there was left by us."""

    def __init__(self, root: Path) -> None:
        """Know where it is; files come by `write` or `copy_example`."""
        self.root = root / "project"
        self.temporary = root / "tmp"
        self.temporary.mkdir()
        self.root.mkdir()
        self.write("pyproject.toml", '[tool.pytest.ini_options]\naddopts = ["--strict-markers"]\n')

    def copy_example(self) -> None:
        """Be a copy of the example."""
        shutil.copytree(EXAMPLE, self.root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__", ".*"))

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def job(self, name: str, script: str) -> None:
        """Write a job."""
        self.write(f"jobs/{name}/job.toml", '[Command]\nName = "pythonshell"\nScriptLocation = "script.py"\n')
        self.write(f"jobs/{name}/script.py", script)

    def begin(self, *arguments: str, more: Mapping[str, str] | None = None, **options: Any) -> "subprocess.Popen[str]":
        """Start its tests."""
        clean = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.root), "LANG": "C.UTF-8"}
        borrowed = {name: os.environ[name] for name in _BORROWED if name in os.environ}
        return subprocess.Popen(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-v", *arguments],
            cwd=self.root,
            env={**clean, **borrowed, "TMPDIR": str(self.temporary), "PYTHONPATH": str(ROOT), **(more or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )

    def test(self, *arguments: str, more: Mapping[str, str] | None = None) -> tuple[int, str]:
        """Run its tests; return pytest's exit code and output."""
        with self.begin(*arguments, more=more) as process:
            try:
                output, _ = process.communicate(timeout=WITHIN_S)
            finally:
                process.kill()
            return process.returncode, output

    def left(self) -> list[str]:
        """Return what is left of private daemons: processes that know one's directory, and the directories."""
        found = [*processes.below(self.temporary), *self._marked()]
        return [*sorted({str(one) for one in found}), *map(str, self.temporary.glob("orchestrator-*"))]

    def _marked(self) -> list[psutil.Process]:
        """Return the processes that the script of a job has started, by the name of its project in their command lines."""
        found = []
        for process in psutil.process_iter(["cmdline"]):
            argv = process.info["cmdline"] or []
            if any(str(self.root) in word for word in argv):
                found.append(process)
        return found

"""The command line as a subprocess, in a clean environment."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from tests.support.daemon import AS_ROOT, ROOT

WITHIN_S: Final = 60


def environment(home: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what a command gets: nothing of the environment that the tests run in, but for coverage's."""
    clean = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(ROOT),
        **AS_ROOT,
    }
    for name in ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
        if name in os.environ:
            clean[name] = os.environ[name]
    return {**clean, **(more or {})}


def begin(home: Path, *arguments: str, more: Mapping[str, str] | None = None, **options: Any) -> subprocess.Popen[str]:
    """Start a command; its output is read through pipes."""
    return subprocess.Popen(
        [sys.executable, "-m", "orchestrator", *arguments],
        env=environment(home, more),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def call(home: Path, *arguments: str, more: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    with begin(home, *arguments, more=more) as process:
        try:
            out, err = process.communicate(timeout=WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

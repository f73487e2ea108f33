"""Programs that run as another user of this machine, whom only root can become."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

UID: Final = 12345


def require() -> None:
    """Skip the test where we cannot become another user."""
    if os.geteuid() != 0:
        pytest.skip("NOT TESTED: calls of another user. Only root can become another user")


def run(script: str, *arguments: str, uid: int = UID) -> subprocess.CompletedProcess[str]:
    """Run a Python script as another user, with nothing of ours."""
    # An interpreter of the system: the virtual environment's may be below a home that others cannot enter.
    python = next(path for path in ("/usr/bin/python3", "/bin/python3", sys.executable) if Path(path).exists())
    done = subprocess.run(
        [python, "-I", "-c", script, *arguments],
        user=uid,
        group=uid,
        extra_groups=[],
        cwd="/",
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    try:
        done.check_returncode()
    except subprocess.CalledProcessError as error:
        error.add_note(done.stderr)
        raise
    return done

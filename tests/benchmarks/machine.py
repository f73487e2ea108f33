"""The machine that was measured on."""

import os
import platform
import sqlite3
import time
from pathlib import Path
from typing import Final

_SECONDS: Final = 0.5
_RECORD: Final = b"x" * 512


def facts() -> dict[str, str]:
    """Return what figures depend on."""
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "processor": _processor(),
        "kernel": platform.release(),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
    }


def fsyncs_per_s(directory: Path, seconds: float = _SECONDS) -> float:
    """Return how often a second something small can be appended and flushed, one after the other."""
    path = directory / "fsync"
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        count, begun_s = 0, time.monotonic()
        while time.monotonic() - begun_s < seconds:
            os.write(file, _RECORD)
            os.fdatasync(file)
            count += 1
        return count / (time.monotonic() - begun_s)
    finally:
        os.close(file)
        path.unlink()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="latin-1").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()

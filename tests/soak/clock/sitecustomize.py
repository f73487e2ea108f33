"""Lets the clock of a Python process be off by as many seconds as a file says; Python imports this by itself at its start.

libfaketime does the same for every process below, but makes each look at the clock wait for a lock: a run then cost the
daemon ten times the CPU, and the soak did a tenth of its work.
"""

import mmap
import os
import time
from pathlib import Path

_true_time_ns = time.time_ns
with Path(os.environ["SOAK_CLOCK"]).open("rb") as _file:
    _offset_s = mmap.mmap(_file.fileno(), 8, prot=mmap.PROT_READ)


def time_ns() -> int:
    """Return the time as it is here."""
    return _true_time_ns() + int.from_bytes(_offset_s[:8], "little", signed=True) * 1_000_000_000


def time_s() -> float:
    """Return it in seconds."""
    return time_ns() / 1e9


time.time_ns = time_ns
time.time = time_s

"""Imports without the garbage collector, which would look again and again through what stays for good."""

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Collect nothing within. What is imported there makes no garbage to speak of: it is modules, classes and code."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()

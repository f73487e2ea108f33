"""What proves that an attempt ran once, for people: its claim and its sealed ending, as its shim wrote them."""

import os
from collections.abc import Mapping
from typing import Final

from orchestrator.executors.interface import Ledger
from orchestrator.executors.local.run_files import NOFOLLOW, read_json

_MAX_CHARS: Final = 2_000
_UNTOLD: Final = frozenset({"bookmark", "stderr_tail"})
"""What the script said, which is told elsewhere, where secrets are hidden."""


def read(directory: str) -> Ledger:
    """Return what the run's directory says of its start and its end."""
    return Ledger(claim=_told(f"{directory}/claim"), ending=_told(f"{directory}/ending.json"))


def _told(path: str) -> Mapping[str, str | float | bool | None] | None:
    try:
        descriptor = os.open(path, NOFOLLOW)
    except OSError:  # none there, or none of ours
        return None
    try:
        fields = read_json(descriptor)
    finally:
        os.close(descriptor)
    if fields is None:
        return None
    return {
        name[:_MAX_CHARS]: value[:_MAX_CHARS] if isinstance(value, str) else value
        for name, value in fields.items()
        if name not in _UNTOLD and (value is None or isinstance(value, str | int | float | bool))
    }

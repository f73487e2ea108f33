"""What a run uses, from the samples of its processes."""

from collections.abc import Sequence
from dataclasses import dataclass

from orchestrator.faces.cli.answers import Sample
from orchestrator.faces.cli.text import size


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What all processes of a run use together."""

    cores: float  # 1.0 is one processor, wholly
    rss_bytes: int

    def __str__(self) -> str:
        """Say both, for a line of a terminal."""
        return f"CPU {self.cores:.0%}  {size(self.rss_bytes)}"


def usage_of(samples: Sequence[Sample]) -> Usage | None:
    """Return what the last sample and the one before it say; None where there is none."""
    if not samples:
        return None
    last = samples[-1]
    past_ms, past_cpu_ms = (samples[-2]["after_ms"], samples[-2]["cpu_ms"]) if len(samples) > 1 else (0, 0)
    took_ms = last["after_ms"] - past_ms
    # Processes that end take their time with them, so a sum can fall.
    cores = max(0, last["cpu_ms"] - past_cpu_ms) / took_ms if took_ms > 0 else 0.0
    return Usage(cores=cores, rss_bytes=last["rss_bytes"])

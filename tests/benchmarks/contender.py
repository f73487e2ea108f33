"""What a contender is: something that executes a script many times, so many at a time, and knows how each run ended."""

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from tests.benchmarks.bench import Bench
from tests.benchmarks.household import CLEAN, BenchmarkError
from tests.benchmarks.proof import CountedScript

SLOTS: Final = 2
"""How many scripts run at a time."""
NOT_INSTALLED: Final = "not installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """A contender that has been started and waits for work."""

    run: Callable[[int], None]  # returns when so many runs are in their last state, each on disk where it is kept there
    spared: Sequence[int] = ()  # load generators, whose CPU time is nobody's


class Contender(Protocol):
    """Anything that executes scripts."""

    name: str

    def why_not(self, bench: Bench) -> str | None:
        """Return why it cannot take part, or None."""

    def version(self, bench: Bench) -> str:
        """Return its version."""

    def ready(self, bench: Bench, script: CountedScript, directory: Path) -> AbstractContextManager[Work]:
        """Lend it, started; everything of it has ended on leaving."""


def program(name: str) -> str | None:
    """Return why a program cannot be used, or None."""
    return None if shutil.which(name, path=CLEAN["PATH"]) else f"{NOT_INSTALLED} ({name})"


def library(python: Path | None, name: str) -> str | None:
    """Return why a library cannot be used, or None."""
    return None if version_of(python, name) else f"{NOT_INSTALLED} ({name})"


def version_of(python: Path | None, name: str) -> str:
    """Return the version of a library in an environment, or nothing if it is not there."""
    if python is None or not os.access(python, os.X_OK):
        return ""
    code = f"import importlib.metadata as m\ntry: print(m.version({name!r}))\nexcept m.PackageNotFoundError: pass"
    return first_line([python, "-c", code])


def first_line(command: Sequence[str | Path]) -> str:
    """Return the first line that a program says."""
    said = subprocess.run(list(map(str, command)), env=dict(CLEAN), capture_output=True, text=True, check=False)
    return (said.stdout or said.stderr).strip().partition("\n")[0]


def hold(fact: object, sentence: str) -> None:
    """Hold that something is so.

    Raises:
        BenchmarkError: it is not.
    """
    if not fact:
        raise BenchmarkError(sentence)

"""What no daemon clears away: directories of runs that a restored database does not know, and what a cut-off restore left."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.executors.local import survey
from orchestrator.executors.local.survey import FoundDirectory
from orchestrator.store.backup import translated
from orchestrator.store.checkup import opened_quietly
from orchestrator.store.restoring import Runs, leftovers
from orchestrator.store.state_directory import StateDirectory


@dataclass(frozen=True, slots=True, kw_only=True)
class Garbage:
    """What could go, and what has to stay though no row knows it."""

    directories: list[FoundDirectory]
    live: list[FoundDirectory]  # a shim holds them
    files: list[Path]


def find(directory: StateDirectory) -> Garbage:
    """Look for what could go; a daemon may run. Blocks.

    A run's row is there before its directory is, and goes after it; so what is listed first and has no row then is no
    daemon's.

    Raises:
        StoreError: the database cannot be read.
    """
    with translated(directory.runs):
        found = list(survey.found_directories(directory.runs))
    with opened_quietly(directory.database) as connection:
        unknown = [one for one in found if Runs(connection).find(one.run_id) is None]
    return Garbage(
        directories=[one for one in unknown if one.shim_pid is None],
        live=[one for one in unknown if one.shim_pid is not None],
        files=leftovers(directory),
    )


def clear(directory: StateDirectory, garbage: Garbage) -> list[str]:
    """Remove it, from a directory that is held. Return what could not be removed, with the reason."""
    problems = []
    for one in garbage.directories:
        try:
            if not survey.discard(directory.runs, one.run_id):
                problems.append(f"{one.path}: its claim is held")
        except OSError as error:
            problems.append(f"{one.path}: {error.strerror}")
    for path in garbage.files:
        with suppress(FileNotFoundError):
            path.unlink()
    return problems

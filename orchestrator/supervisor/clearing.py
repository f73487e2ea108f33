"""What no daemon clears away: directories of runs that a restored database does not know, and what a cut-off restore left.

And, where that is asked for, the environments of modules that no live run uses.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.executors.local import environment_files, survey
from orchestrator.executors.local.environment_files import EnvironmentFiles
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
    environments: list[Path]  # directories


def find(directory: StateDirectory, *, with_environments: bool = False) -> Garbage:
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
        environments=_environments(directory, with_ready=with_environments),
    )


def _environments(directory: StateDirectory, *, with_ready: bool) -> list[Path]:
    """Return what makings have left, and all others, too, that nobody uses."""
    files = EnvironmentFiles(directory.environments, lambda run_id: survey.is_held(directory.runs, run_id))
    found = [one for one in files.found() if with_ready and not one.is_being_made and not files.is_used(one)]
    unused = [one.folder for one in found]
    return [*unused, *(path for path in files.remains() if path.parent not in unused)]


def clear(directory: StateDirectory, garbage: Garbage) -> list[str]:
    """Remove it, from a directory that is held. Return what could not be removed, with the reason."""
    problems = []
    for one in garbage.directories:
        try:
            if not survey.discard(directory.runs, one.run_id):
                problems.append(f"{one.path}: its claim is held")
        except OSError as error:
            problems.append(f"{one.path}: {error.strerror}")
    for path in garbage.environments:
        try:
            environment_files.discard(path)
        except OSError as error:
            problems.append(f"{path}: {error.strerror}")
    for path in garbage.files:
        with suppress(FileNotFoundError):
            path.unlink()
    return problems

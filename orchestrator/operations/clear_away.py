"""What no daemon clears away, and the free pages of the database. No action of Glue's: to clear, no daemon may run."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.store import room
from orchestrator.store.room import Rewritten
from orchestrator.store.state_directory import StateDirectory, hold
from orchestrator.supervisor import clearing
from orchestrator.supervisor.clearing import Garbage


@dataclass(frozen=True, slots=True)
class Cleared:
    """What went, or would go."""

    garbage: Garbage
    problems: Sequence[str] = ()  # what could not be removed, with the reason
    rewritten: Rewritten | None = None  # the database, where that was asked for


def look_for_garbage(state_dir: Path, *, with_environments: bool) -> Cleared:
    """Say what could go, and change nothing; a daemon may run. Blocks.

    Raises:
        StoreError: the database cannot be read.
    """
    return Cleared(clearing.find(StateDirectory(state_dir), with_environments=with_environments))


def clear_away(state_dir: Path, *, with_environments: bool, rewrites: bool) -> Cleared:
    """Remove what could go, and write the database anew where it is to be. Blocks.

    Raises:
        StateDirectoryHeldError: a daemon runs.
        StoreError: the database cannot be read or written.
    """
    with hold(state_dir) as directory:
        garbage = clearing.find(directory, with_environments=with_environments)
        problems = clearing.clear(directory, garbage)
        return Cleared(garbage, problems, room.rewrite(directory.database) if rewrites else None)

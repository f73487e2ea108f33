"""The runs' directories as they lie there, seen without a daemon: which are there, and which a live shim holds."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.executors.interface import Unclaimed
from orchestrator.executors.local.run_directory import Held, RunDirectory
from orchestrator.model.ids import JobRunId, parse_job_run_id


@dataclass(frozen=True, slots=True)
class FoundDirectory:
    """A run's directory. `shim_pid` is that of the live shim that holds its claim."""

    run_id: JobRunId
    path: Path
    shim_pid: int | None


def found_directories(runs: Path) -> Iterator[FoundDirectory]:
    """Return the directories of runs below `runs`; what is no run's is passed over."""
    if not runs.is_dir():
        return
    for shard in sorted(path for path in runs.iterdir() if path.is_dir()):
        for path in sorted(shard.iterdir()):
            run_id = parse_job_run_id(path.name)
            if run_id is not None and path.name[3:5] == shard.name:
                seen = RunDirectory(runs, run_id).look()
                yield FoundDirectory(run_id, path, seen.pid if isinstance(seen, Held) else None)


def was_never_claimed(runs: Path, run_id: JobRunId) -> bool:
    """Say whether nothing shows that the run was ever started, or forbidden to start."""
    return isinstance(RunDirectory(runs, run_id).look(), Unclaimed)


def is_held(runs: Path, run_id: JobRunId) -> bool:
    """Say whether a live shim holds the run's claim."""
    return RunDirectory(runs, run_id).is_held()


def revoke(runs: Path, run_id: JobRunId, reason: str) -> bool:
    """Take the claim, so that the run can never start, for a reason. False if somebody has it.

    Raises:
        OSError: the disk does not take it now.
    """
    return RunDirectory(runs, run_id).revoke(reason)


def stored_bytes(runs: Path, run_id: JobRunId) -> int:
    """Return how much room the run's directory takes."""
    return RunDirectory(runs, run_id).stored_bytes()


def discard(runs: Path, run_id: JobRunId) -> bool:
    """Remove the run's directory. False, having removed nothing, while a live shim holds its claim.

    Raises:
        OSError: not all could be removed.
    """
    return RunDirectory(runs, run_id).discard()

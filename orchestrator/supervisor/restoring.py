"""What a restored database means for runs: they have gone on since the backup was taken.

A run that the backup shows as queued may have ended since. Its claim says so, and it is settled by that. Only where its
directory is gone, too, would it start again: so its claim is taken if the replaced database knows its end.
"""

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator.executors.local import survey
from orchestrator.executors.local.survey import FoundDirectory
from orchestrator.model.ids import JobRunId
from orchestrator.store import restoring
from orchestrator.store.backup import Copy
from orchestrator.store.restoring import Runs
from orchestrator.store.state_directory import StateDirectory

_ENDED_SINCE: Final = "The run had ended after the backup that was restored was made"


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restore did, and what it found."""

    copy: Copy
    kept: Path | None  # where the replaced database is
    live: int  # runs that have not ended in the restored database
    forbidden: int  # of these: ended since, and not to start again
    unsure: int  # of these: without a directory, and nobody knows whether they ran and ended
    unknown: list[FoundDirectory]  # directories of runs that the restored database does not know


def restore(directory: StateDirectory, source: Path, stamp: str) -> Restored:
    """Put the backup `source` in the place of the database in `directory`, which is held. Blocks.

    Raises:
        StoreRefusedError: `source` cannot be used. Nothing was changed.
        StoreError: the disk does not take it; the same may succeed later.
    """
    copy = restoring.lay_ready(directory, source)
    with closing(Runs.of(copy.path)) as restored:
        live = [run.id for run in restored.live()]
        unclaimed = [run_id for run_id in live if survey.was_never_claimed(directory.runs, run_id)]
        forbidden, unsure = _forbid(directory, unclaimed, list(restored.to_retry()))
        unknown = [found for found in survey.found_directories(directory.runs) if restored.find(found.run_id) is None]
    kept = restoring.install(directory, copy, stamp)
    return Restored(copy=copy, kept=kept, live=len(live), forbidden=forbidden, unsure=unsure, unknown=unknown)


def _forbid(directory: StateDirectory, queued: list[JobRunId], to_retry: list[JobRunId]) -> tuple[int, int]:
    """Take the claims of attempts that have ended since; return how many, and of how many queued ones nothing is known."""
    replaced = restoring.replaced_runs(directory)
    if replaced is None:
        return 0, len(queued)
    with closing(replaced):
        known = {run_id: replaced.find(run_id) for run_id in (*queued, *to_retry)}
    ended = [run_id for run_id, run in known.items() if run is not None and run.is_terminal]
    forbidden = sum(
        survey.revoke(directory.runs, run_id, _ENDED_SINCE)
        for run_id in ended
        if survey.was_never_claimed(directory.runs, run_id)
    )
    return forbidden, sum(known[run_id] is None for run_id in queued)

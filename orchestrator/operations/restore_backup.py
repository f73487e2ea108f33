"""A backup in the place of the database. No action of Glue's: no daemon may run."""

from pathlib import Path

from orchestrator.store.state_directory import hold
from orchestrator.supervisor.restoring import Restored, restore


def restore_backup(state_dir: Path, source: Path, stamp: str) -> Restored:
    """Put `source` in the place of the database of `state_dir`, which is kept under a name with the `stamp`. Blocks.

    Raises:
        StateDirectoryHeldError: a daemon runs.
        StoreRefusedError: `source`, or the directory, cannot be used. Nothing was changed.
        StoreError: the disk does not take it; the same may succeed later.
    """
    with hold(state_dir, may_lack_database=True) as directory:
        return restore(directory, source, stamp)

"""A copy of the database, while a daemon runs or none does. No action of Glue's."""

from pathlib import Path

from orchestrator.store import backup
from orchestrator.store.backup import Copy


def back_up(state_dir: Path, target: Path, *, replaces: bool) -> Copy:
    """Copy the database of `state_dir` into the file `target`; it appears checked and complete. Blocks.

    Raises:
        FileExistsError: `target` is there, and the copy `replaces` nothing.
        StoreRefusedError: there is no database of ours, it is damaged, or `target` is in its directory or no file.
        StoreError: the disk does not take the copy.
    """
    return backup.back_up(state_dir / "state.db", target, replaces=replaces)

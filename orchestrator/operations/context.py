"""What an operation works with. Time and randomness come in here, so that nothing below reads a clock."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

import anyio

from orchestrator.executors.interface import Executor
from orchestrator.operations.file_changes import FilesRead
from orchestrator.store.database import Database
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.means import Means
from orchestrator.supervisor.observer import Observer
from orchestrator.supervisor.supervisor import Supervisor

_NOBODY: Final = Observer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """The daemon as an operation sees it."""

    database: Database
    supervisor: Supervisor
    executor: Executor
    now_ms: Callable[[], int]
    means: Means  # the owner's choices, and randomness
    committed: Bell  # rung after every batch of writes
    closing: anyio.Event  # set when the daemon is about to end: who waits for something is answered as it is now
    files: Callable[["Context", bool], Awaitable[FilesRead]]
    """Takes in the files of jobs and triggers; True: only looks at what that would change."""
    observer: Observer = _NOBODY
    invocation_id: str | None = None  # the SDK's id of this call, the same on all its retries

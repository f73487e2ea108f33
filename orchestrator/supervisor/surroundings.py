"""What all that carries runs works with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from orchestrator.executors.interface import Executor
from orchestrator.store.database import Database
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.means import Means
from orchestrator.supervisor.observer import Observer

_NOBODY: Final = Observer()


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What every lifetime needs."""

    database: Database
    executor: Executor
    now_ms: Callable[[], int]
    means: Means
    changed: Bell  # rung after every commit that changes a run
    ended: Bell  # rung after every commit that ends one, or that tells of a late one
    timed: Bell  # rung when something may have become due: a schedule, a retry, a notice of delay
    observer: Observer = _NOBODY

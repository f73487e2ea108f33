"""What the supervisor asks of a place where runs execute.

An executor never decides what becomes of a run: it starts, looks, stops and reports. "I cannot tell" (`Unknown`) is a
legitimate answer to a look and never changes a state.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from orchestrator.model.endings import Ending
from orchestrator.model.ids import JobRunId

Stream = Literal["stdout", "stderr"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenBookmark:
    """What a run is given of its job's bookmark, and whether it may move it."""

    version: int  # the version that a commit of this run is compared against
    text: str | None  # None: there is none, or the run shall not see it
    to_text: str | None = None  # the upper end of a paused window
    is_written: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSpec:
    """All that is needed to execute one attempt. A function of the stored run, so that it can be made again."""

    run_id: JobRunId
    job_id: str
    job_name: str
    script_location: str
    python_version: str | None
    arguments: Mapping[str, str]  # merged
    bookmark_option: str
    bookmark: GivenBookmark
    timeout_s: float | None
    dpu: float  # what the run takes of the machine
    run_as: str | None = None  # the user whose process the script is to be
    workflow_name: str | None = None  # of the workflow run that the run is part of
    workflow_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class LogExtent:
    """How much of a run's output there is, and when it came, as (offset, epoch ms) about once a second."""

    size_bytes: int
    marks: Sequence[tuple[int, int]]  # in order of their offsets; empty where nobody noted times


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What all processes of a run use together."""

    cpu_ms: int  # since its start; of those that have ended, too, as far as that can be seen
    rss_bytes: int  # resident; what processes share may count for each of them
    processes: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """What proves that an attempt ran once: its claim and its sealed ending, as they were written; None: there is none."""

    claim: Mapping[str, str | float | bool | None] | None
    ending: Mapping[str, str | float | bool | None] | None


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """Nothing ran and nothing can have run. `problem` is what the last launch said, if it refused.

    But for `was_claimed`: something did run, as was heard, and not the claim is missing but all that was beside it.
    """

    problem: str | None = None
    was_claimed: bool = False


@dataclass(frozen=True, slots=True)
class Alive:
    """A shim holds the claim and is being watched."""


@dataclass(frozen=True, slots=True)
class Over:
    """No process of the run is left, and its ending is being written: an observation will follow."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """The claim is taken so that the run can never start, and why, where that was written down."""

    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """The shim has left its ending."""

    ending: Ending


@dataclass(frozen=True, slots=True)
class Lost:
    """The claim is there, its holder is gone, and there is no ending: how the script ended is unknown."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """The executor cannot tell now."""


Sighting = Unclaimed | Alive | Over | Revoked | Ended | Lost | Unknown


class Executor(Protocol):
    """Where runs execute."""

    async def launch(self, spec: LaunchSpec) -> None:
        """Set off one attempt. Safe to repeat: at most one of all launches of an attempt ever starts the script.

        When this returns, an observation of the run will follow. Cancelled, it has done nothing or the whole.

        Raises:
            LaunchError: this attempt cannot be started here; the sentence says why.
        """
        ...

    async def find(self, run_id: JobRunId) -> Sighting:
        """Look what became of the run. `Alive` means that an observation will follow when that changes."""
        ...

    def watch(self, happened: Callable[[JobRunId], None]) -> None:
        """Have `happened` called with each run that something happened to, in the event loop; `find` then tells what."""
        ...

    async def request_stop(self, run_id: JobRunId) -> None:
        """Ask a live run's shim to climb the stop ladder. Does nothing where none is alive."""
        ...

    async def revoke(self, run_id: JobRunId, reason: str) -> bool:
        """Take the claim, so that the run can never start, for a reason. Returns False if somebody else has it.

        Raises:
            UnavailableError: not now (a full disk); try again.
        """
        ...

    async def sweep(self, run_id: JobRunId) -> None:
        """End what a lost run left behind; when this returns, nothing of it that can be found is alive."""
        ...

    async def read_log(self, run_id: JobRunId, stream: Stream, *, offset: int, limit: int) -> bytes:
        """Return up to `limit` bytes of a run's output from `offset` on; empty where there is nothing yet."""
        ...

    async def log_extent(self, run_id: JobRunId, stream: Stream) -> LogExtent:
        """Return how much of a run's output there is, and when it came; what comes later changes nothing of that."""
        ...

    async def ledger(self, run_id: JobRunId) -> Ledger:
        """Return what was written of the run's start and end, for people; never what its script said."""
        ...

    async def stored_bytes(self, run_id: JobRunId) -> int:
        """Return how much room an ended run's files take; 0 where there are none, or not any more."""
        ...

    async def discard(self, run_id: JobRunId) -> bool:
        """Remove the files of an ended run; those of one that has none are gone already.

        Returns False, having removed nothing, while somebody holds its claim.

        Raises:
            OSError: not all could be removed; try again.
        """
        ...

    async def usage(self, run_ids: Collection[JobRunId]) -> Mapping[JobRunId, Usage]:
        """Return what live runs use now. One that has ended, or of which nothing can be seen, is not among them."""
        ...

    def problem(self) -> str | None:
        """Say what keeps scripts from being started now, or None: the next launch will work as far as can be seen."""
        ...

    def place(self, run_id: JobRunId) -> str:
        """Say where the run's files are, for people."""
        ...

    def preparations(self) -> Mapping[JobRunId, str]:
        """Return the runs whose launches wait for something, and what for, as people are told."""
        ...

    def capacity(self) -> float | None:
        """Return how many DPU fit at once, or None where only the configured slots limit that."""
        ...

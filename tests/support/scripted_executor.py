"""An executor in memory: a test says what is seen of each run, and reads what was asked for."""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping

from orchestrator.executors.interface import (
    Alive,
    Ended,
    LaunchSpec,
    Ledger,
    LogExtent,
    Revoked,
    Sighting,
    Stream,
    Unclaimed,
    Usage,
)
from orchestrator.model.endings import Ending
from orchestrator.model.ids import JobRunId


class ScriptedExecutor:
    """Runs are what the test last said of them; a launch makes them alive unless the test says otherwise."""

    def __init__(self) -> None:
        """Begin with nothing claimed."""
        self.seen: defaultdict[JobRunId, Sighting] = defaultdict(Unclaimed)
        self.launched: list[LaunchSpec] = []
        self.stopped: list[JobRunId] = []
        self.revoked: list[JobRunId] = []
        self.swept: list[JobRunId] = []
        self.discarded: list[JobRunId] = []
        self.sizes: defaultdict[JobRunId, int] = defaultdict(int)
        self.looks: list[JobRunId] = []
        self.used: dict[JobRunId, Usage] = {}
        self.usage_asked: list[list[JobRunId]] = []
        self.on_launch: Callable[[LaunchSpec], None] = self.start
        self.on_find: Callable[[JobRunId], None] = lambda _: None
        self.on_revoke: Callable[[JobRunId], None] = lambda _: None
        self.on_discard: Callable[[JobRunId], None] = lambda _: None
        self.on_stop: Callable[[JobRunId], None] = lambda _: None
        self._happened: Callable[[JobRunId], None] = lambda _: None

    def start(self, spec: LaunchSpec) -> None:
        """Have a shim claim the run."""
        self.see(spec.run_id, Alive())

    def see(self, run_id: JobRunId, sighting: Sighting) -> None:
        """Let `run_id` look so from now on, and say that something happened to it."""
        self.seen[run_id] = sighting
        self._happened(run_id)

    def end(self, run_id: JobRunId, ending: Ending) -> None:
        """Have the run's shim leave its ending."""
        self.see(run_id, Ended(ending))

    async def launch(self, spec: LaunchSpec) -> None:
        """Note the launch, and do as the test says."""
        self.launched.append(spec)
        self.on_launch(spec)

    async def find(self, run_id: JobRunId) -> Sighting:
        """Return what the test said last."""
        self.looks.append(run_id)
        self.on_find(run_id)
        return self.seen[run_id]

    def watch(self, happened: Callable[[JobRunId], None]) -> None:
        """Tell `happened` of the runs that something happened to."""
        self._happened = happened

    async def request_stop(self, run_id: JobRunId) -> None:
        """Note the stop, and do as the test says."""
        self.stopped.append(run_id)
        self.on_stop(run_id)

    async def revoke(self, run_id: JobRunId, reason: str) -> bool:
        """Take the claim if nobody has it."""
        self.revoked.append(run_id)
        self.on_revoke(run_id)
        if not isinstance(self.seen[run_id], Unclaimed):
            return False
        self.seen[run_id] = Revoked(reason)
        return True

    async def sweep(self, run_id: JobRunId) -> None:
        """Note it."""
        self.swept.append(run_id)

    async def ledger(self, run_id: JobRunId) -> Ledger:
        """Return nothing: no shim ever wrote here."""
        del run_id
        return Ledger(claim=None, ending=None)

    async def read_log(self, run_id: JobRunId, stream: Stream, *, offset: int, limit: int) -> bytes:
        """Return nothing: no script ever speaks here."""
        del run_id, stream, offset, limit
        return b""

    async def log_extent(self, run_id: JobRunId, stream: Stream) -> LogExtent:
        """Return nothing, as above."""
        del run_id, stream
        return LogExtent(0, ())

    async def stored_bytes(self, run_id: JobRunId) -> int:
        """Return what the test said."""
        return 0 if run_id in self.discarded else self.sizes[run_id]

    async def discard(self, run_id: JobRunId) -> bool:
        """Note it, unless a shim holds the claim."""
        self.on_discard(run_id)
        if isinstance(self.seen[run_id], Alive):
            return False
        self.discarded.append(run_id)
        return True

    async def usage(self, run_ids: Collection[JobRunId]) -> Mapping[JobRunId, Usage]:
        """Note who was asked for, and return what the test said of those that are alive."""
        self.usage_asked.append(list(run_ids))
        return {one: self.used[one] for one in run_ids if one in self.used and self.seen[one] == Alive()}

    def problem(self) -> str | None:
        """Return None: nothing keeps anything from being started."""
        return None

    def place(self, run_id: JobRunId) -> str:
        """Return a name."""
        return f"memory:{run_id}"

    def preparations(self) -> Mapping[JobRunId, str]:
        """Return nothing: every launch is quick here."""
        return {}

    def capacity(self) -> float | None:
        """Return None: the slots are the only limit."""
        return None

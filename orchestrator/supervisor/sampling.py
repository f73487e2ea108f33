"""What live runs use, looked at as they go on, and kept as samples for people.

One look covers all runs that are due, and one write keeps it. While no run is held nothing happens, not even a timer; and
a run that ends within a second is never looked at. What is kept, and when it is looked, model/sampling.py says.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import anyio
import structlog

from orchestrator.executors.interface import Usage
from orchestrator.model.errors import StoreError, StoreFullError
from orchestrator.model.ids import JobRunId
from orchestrator.model.records import JobRun
from orchestrator.model.sampling import Sample, next_look_ms
from orchestrator.store import samples
from orchestrator.store.database import Transaction
from orchestrator.supervisor.bell import Bell
from orchestrator.supervisor.lifetime import Surroundings

log = structlog.stdlib.get_logger()

ROUND_S: Final = 1.0
RESTS: Final = 20
"""How many times as long as a look took nothing is looked at after it, if that is more than a round: it takes 5 % at most."""
_MS_PER_S: Final = 1000


@dataclass(slots=True)
class _Course:
    """How it stands with a run. Both are of the event loop's clock, in ms: nobody sets that."""

    launched_ms: int
    due_ms: int


class Sampling:
    """Looks at the runs that `carried` returns; `occupied` rings when there are some where there were none."""

    def __init__(self, surroundings: Surroundings, carried: Callable[[], Sequence[JobRun]], occupied: Bell) -> None:
        """Begin with nothing looked at."""
        self._around = surroundings
        self._carried = carried
        self._occupied = occupied
        self._courses: dict[JobRunId, _Course] = {}
        self._seen: dict[JobRunId, Usage] = {}
        self._is_full_told = False

    def seen(self) -> Sequence[Usage]:
        """Return what each live run used when it was last looked at, if it was."""
        return [self._seen[run.id] for run in self._carried() if run.id in self._seen]

    async def serve(self) -> None:
        """Look at what is due, every second at most, until cancelled. The store's trouble ends the daemon, ours only delays."""
        while True:
            rung = self._occupied.listen()
            if not self._carried():
                self._courses, self._seen = {}, {}
                await rung.wait()
            began_s = anyio.current_time()
            await self._try_step()
            spent_s = anyio.current_time() - began_s
            await anyio.sleep(max(spent_s * RESTS, ROUND_S - anyio.current_time() % ROUND_S))

    async def _try_step(self) -> None:
        try:
            await self.step()
        except StoreFullError as error:
            if not self._is_full_told:
                log.warning("samples_not_kept", problem=str(error))
            self._is_full_told = True
        except StoreError:
            raise
        except Exception:
            log.exception("sampling_trouble")
        else:
            self._is_full_told = False

    async def step(self) -> int:
        """Look at all runs that are due now, and keep what was seen; return at how many."""
        now_ms = _clock_ms()
        due = self._due(now_ms)
        if not due:
            return 0
        seen = await self._around.executor.usage([run.id for run in due])
        found = {run.seq: self._sample(seen[run.id], run, now_ms) for run in due if run.id in seen}
        self._seen |= {run_id: used for run_id, used in seen.items() if run_id in self._courses}
        if found:
            await self._around.database.write("keep_samples", lambda tx: _keep(tx, found), is_patient=True)
        return len(found)

    def _due(self, now_ms: int) -> list[JobRun]:
        """Return the runs to look at now, and set when each of them is next."""
        live = [run for run in self._carried() if run.launched_on_ms is not None and not run.is_terminal]
        courses = {run.id: self._courses.get(run.id) or self._course(run, now_ms) for run in live}
        self._seen = {run_id: used for run_id, used in self._seen.items() if run_id in courses}
        self._courses = courses
        due = [run for run in live if courses[run.id].due_ms <= now_ms]
        for run in due:
            course = courses[run.id]
            course.due_ms = next_look_ms(now_ms - course.launched_ms, now_ms)
        return due

    def _course(self, run: JobRun, now_ms: int) -> _Course:
        elapsed_ms = max(0, self._around.now_ms() - (run.launched_on_ms or 0))
        return _Course(now_ms - elapsed_ms, next_look_ms(elapsed_ms, now_ms))

    def _sample(self, used: Usage, run: JobRun, now_ms: int) -> Sample:
        return Sample(
            after_ms=now_ms - self._courses[run.id].launched_ms,
            cpu_ms=used.cpu_ms,
            rss_bytes=used.rss_bytes,
            processes=used.processes,
        )


def _keep(tx: Transaction, found: Mapping[int, Sample]) -> None:
    for seq, sample in found.items():
        samples.keep(tx, seq, sample)


def _clock_ms() -> int:
    return round(anyio.current_time() * _MS_PER_S)

"""Start-up with a long history and a queue: from the daemon's exec to its first acknowledgement of a StartJobRun."""

import contextlib
import time
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import hold
from tests.benchmarks.figures import Goal, Quantity
from tests.benchmarks.history import COMMON_JOB, FEW, prepared, why_not
from tests.benchmarks.wire import Connection
from tests.support.daemon import Daemon

NAME: Final = "start-up"
_LOOK_S: Final = 0.002
_WITHIN_S: Final = 120


def measure(bench: Bench, number: int) -> None:
    """Start a daemon on a long history, and one on a short one."""
    reason = why_not()
    if reason is not None:
        bench.leave_out(NAME, reason)
        return
    for name, runs in (("many runs", bench.sizes.history), ("few runs", FEW)):
        with prepared(bench, runs) as one:
            bench.note(NAME, number, name, first_ack_s=_first_acknowledgement_s(bench, one))


def _first_acknowledgement_s(bench: Bench, one: Daemon) -> float:
    begun_s = time.monotonic()
    one.start(wait=False)
    bench.household.know(one.pid)
    while True:
        with contextlib.suppress(ConnectionRefusedError), Connection(one.port) as connection:
            run_id = connection.call("StartJobRun", {"JobName": COMMON_JOB})["JobRunId"]
            spent_s = time.monotonic() - begun_s
            connection.call("GetJobRun", {"JobName": COMMON_JOB, "RunId": run_id})
            return spent_s
        hold(one.process is not None and one.process.poll() is None, f"the daemon ended:\n{one.log()}")
        hold(time.monotonic() - begun_s < _WITHIN_S, "the daemon does not answer")
        time.sleep(_LOOK_S)


GOALS: Final = (
    Goal(
        work=NAME,
        name="exec → first acknowledgement, many runs and 1,000 queued, s",
        of=Quantity("many runs", "first ack s"),
        better="less",
        target=1,
    ),
)

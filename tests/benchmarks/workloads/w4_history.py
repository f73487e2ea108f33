"""W4: what calls cost with 1,000,000 runs stored, and with 1,000. Both daemons run, and are asked in turn."""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import hold
from tests.benchmarks.figures import Goal, Quantity, quantile
from tests.benchmarks.history import COMMON_JOB, FEW, RARE_JOB, prepared, size_bytes, why_not
from tests.benchmarks.ours import states
from tests.benchmarks.wire import Connection
from tests.support.daemon import Daemon

NAME: Final = "W4"
_MANY: Final = "many runs"
_FEW: Final = "few runs"
_PAGE: Final = 100
_STRIDE: Final = 200  # the largest page
_WARM_UP: Final = 5
_Call = tuple[str, Mapping[str, Any]]


def measure(bench: Bench, number: int) -> None:
    """Ask both for the same things."""
    reason = why_not()
    if reason is not None:
        bench.leave_out(NAME, reason)
        return
    with ExitStack() as stack:
        daemons = {
            _MANY: stack.enter_context(prepared(bench, bench.sizes.history)),
            _FEW: stack.enter_context(prepared(bench, FEW)),
        }
        connections: dict[str, Connection] = {}
        calls: dict[str, dict[str, _Call]] = {}
        for name, one in daemons.items():
            one.start()
            bench.household.know(one.pid)
            connections[name] = stack.enter_context(Connection(one.port))
            calls[name] = _calls(one, connections[name], bench.sizes.history if name == _MANY else FEW)
        bench.household.settle()
        took_ms: dict[tuple[str, str], list[float]] = {}
        for turn in range(bench.sizes.pages + _WARM_UP):
            for kind in calls[_FEW]:
                for name in daemons:
                    spent_ms = _timed(connections[name], calls[name][kind])
                    if turn >= _WARM_UP:
                        took_ms.setdefault((name, kind), []).append(spent_ms)
    for name in daemons:
        measures = {f"{kind}_ms": quantile(took_ms[name, kind], 0.5) for kind in calls[name]}
        bench.note(NAME, number, name, **measures)
    bench.note(NAME, number, "database", bytes_per_run=size_bytes(bench, bench.sizes.history) / bench.sizes.history)


def _calls(one: Daemon, connection: Connection, runs: int) -> dict[str, _Call]:
    """Return what is asked; the middle page is found by walking there, as any client must."""
    common = {"JobName": COMMON_JOB, "MaxResults": _PAGE}
    page = connection.call("GetJobRuns", common)
    for _ in range(runs // 6 // _STRIDE):  # one in three runs is of this job
        token = {"NextToken": page["NextToken"]}
        page = connection.call("GetJobRuns", {**common, "MaxResults": _STRIDE, **token})
    rare = states(one, RARE_JOB)
    hold(0 < len(rare) <= 20, f"the rare job has {len(rare)} runs")
    return {
        "first_page": ("GetJobRuns", common),
        "middle_page": ("GetJobRuns", {**common, "NextToken": page["NextToken"]}),
        "rare_job": ("GetJobRuns", {"JobName": RARE_JOB, "MaxResults": _PAGE}),
        "one_run": ("GetJobRun", {"JobName": COMMON_JOB, "RunId": page["JobRuns"][-1]["Id"]}),
    }


def _timed(connection: Connection, call: _Call) -> float:
    begun_s = time.monotonic()
    connection.call(*call)
    return (time.monotonic() - begun_s) * 1000


def _ratio(name: str, measure_: str, target: float | None = None) -> Goal:
    return Goal(
        work=NAME,
        name=f"{name}, many runs ÷ 1,000",
        of=Quantity(_MANY, measure_),
        over=Quantity(_FEW, measure_),
        better="less",
        target=target,
    )


GOALS: Final = (
    _ratio("GetJobRuns, first page", "first page ms", 1.3),
    _ratio("GetJobRuns, middle page", "middle page ms"),
    _ratio("GetJobRuns of a rare job", "rare job ms"),
    _ratio("GetJobRun", "one run ms"),
)

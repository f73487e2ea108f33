"""W2: one run at a time on an idle system: StartJobRun sent → first line of the script, and script's exit → visible.

The script notes its first and its last moment by the machine's monotonic clock. A client that waits for the end by long
poll sees the last state; the interpreter's own end lies between. Cold, warm and bare take turns.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import hold
from tests.benchmarks.figures import Goal, Quantity, in_turn, quantile
from tests.benchmarks.household import CLEAN
from tests.benchmarks.ours import COLD, WARM, check_succeeded, daemon, define
from tests.benchmarks.wire import Connection

NAME: Final = "W2"
_WARM_UP: Final = 3
_PAUSE_S: Final = 0.02
_UNTIL_POLL_S: Final = 0.06
_ENDS: Final = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR")
_SCRIPT: Final = """import time
began = time.monotonic()
import os
time.sleep(0.12)  # so that whoever waits for the end is there before it
out = os.open({out!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(out, b"%.9f %.9f\\n" % (began, time.monotonic()))
"""


class _Noting:
    """A script that notes its first and last moment."""

    def __init__(self, directory: Path) -> None:
        self._out = directory / "moments"
        self.path = directory / "script.py"
        self.path.write_text(_SCRIPT.format(out=str(self._out)), encoding="utf-8")

    def take(self) -> tuple[float, float]:
        """Return the moments of the run that has just ended, and forget them."""
        lines = self._out.read_text(encoding="ascii").splitlines()
        hold(len(lines) == 1, f"the script ran {len(lines)} times instead of once")
        self._out.unlink()
        began_s, ended_s = map(float, lines[0].split())
        return began_s, ended_s


def measure(bench: Bench, number: int) -> None:
    """Measure all three, one run of each in turn."""
    with bench.directory() as directory, daemon(bench, directory) as one, Connection(one.port) as connection:
        script = _Noting(directory)
        define(one, "cold", script.path, COLD, is_queuing=False)
        define(one, "warm", script.path, WARM, is_queuing=False)

        def ours(job: str) -> tuple[float, float]:
            sent_s = time.monotonic()
            run_id = connection.call("StartJobRun", {"JobName": job})["JobRunId"]
            time.sleep(_UNTIL_POLL_S)
            return sent_s, _wait_for_end(connection, run_id)

        def bare() -> tuple[float, float]:
            return _bare(bench.scripts_python, script.path)

        ways: dict[str, Callable[[], tuple[float, float]]] = {
            "ours, cold": lambda: ours("cold"),
            "ours, warm": lambda: ours("warm"),
            "bare exec": bare,
        }
        starts, ends = _taken(bench, ways, script, number)
        for job in ("cold", "warm"):
            check_succeeded(one, job, bench.sizes.latencies + _WARM_UP)
    for way in ways:
        bench.note(
            NAME,
            number,
            way,
            start_ms=quantile(starts[way], 0.5),
            start_p99_ms=quantile(starts[way], 0.99),
            end_ms=quantile(ends[way], 0.5),
            end_p99_ms=quantile(ends[way], 0.99),
        )


def _taken(
    bench: Bench, ways: dict[str, Callable[[], tuple[float, float]]], script: _Noting, number: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    starts: dict[str, list[float]] = {way: [] for way in ways}
    ends: dict[str, list[float]] = {way: [] for way in ways}
    for turn in range(bench.sizes.latencies + _WARM_UP):
        for way in in_turn(list(ways), number + turn):
            time.sleep(_PAUSE_S)
            sent_s, seen_s = ways[way]()
            began_s, ended_s = script.take()
            if turn >= _WARM_UP:
                starts[way].append((began_s - sent_s) * 1000)
                ends[way].append((seen_s - ended_s) * 1000)
    return starts, ends


def _wait_for_end(connection: Connection, run_id: str) -> float:
    """Long-poll until the run is in its last state; return when it was seen there."""
    seen = "STARTING"
    while seen not in _ENDS:
        seen = connection.get(f"/runs/{run_id}?seen_state={seen}&wait_s=30")["run"]["state"]
    seen_s = time.monotonic()
    hold(seen == "SUCCEEDED", f"{run_id} is {seen}")
    return seen_s


def _bare(python: Path, script: Path) -> tuple[float, float]:
    sent_s = time.monotonic()
    pid = os.posix_spawn(python, [str(python), str(script)], dict(CLEAN))
    _, status = os.waitpid(pid, 0)
    seen_s = time.monotonic()
    hold(status == 0, f"the script ended with {status}")
    return sent_s, seen_s


GOALS: Final = (
    Goal(
        work=NAME,
        name="cold ÷ bare exec, sent → first line, p50",
        of=Quantity("ours, cold", "start ms"),
        over=Quantity("bare exec", "start ms"),
        better="less",
        target=2,
    ),
    Goal(
        work=NAME,
        name="warm ÷ bare exec, sent → first line, p50",
        of=Quantity("ours, warm", "start ms"),
        over=Quantity("bare exec", "start ms"),
        better="less",
        target=1,
    ),
    Goal(
        work=NAME,
        name="cold, last line → visible, p50 ms",
        of=Quantity("ours, cold", "end ms"),
        better="less",
    ),
    Goal(
        work=NAME,
        name="warm, last line → visible, p50 ms",
        of=Quantity("ours, warm", "end ms"),
        better="less",
        target=5,
    ),
)

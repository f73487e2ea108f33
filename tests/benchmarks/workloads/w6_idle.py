"""W6: what the daemon and its helpers take while nothing happens."""

import time
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.figures import Goal, Quantity
from tests.benchmarks.ours import COLD, WARM, check_succeeded, daemon, define, wait_for_ends
from tests.benchmarks.proof import CountedScript
from tests.benchmarks.wire import start_runs

NAME: Final = "W6"
_RUNS: Final = 4


def measure(bench: Bench, number: int) -> None:
    """Let some runs end, so that everything has been started, and then look at the clock of every process."""
    household = bench.household
    with bench.directory() as directory, daemon(bench, directory) as one:
        script = CountedScript(directory)
        for job, arguments in {"cold": COLD, "warm": WARM}.items():
            define(one, job, script.path, arguments)
            burst = start_runs(one.port, {"JobName": job}, count=_RUNS)
            wait_for_ends(one, job, [answer["JobRunId"] for answer in burst.answers])
            check_succeeded(one, job, _RUNS)
        script.check(2 * _RUNS)
        household.settle()
        before_s, begun_s = household.exact_cpu_s(), time.monotonic()
        time.sleep(bench.sizes.idle_s)
        used_s, spent_s = household.exact_cpu_s() - before_s, time.monotonic() - begun_s
    bench.note(NAME, number, "ours", percent_of_a_core=used_s / spent_s * 100)


GOALS: Final = (
    Goal(work=NAME, name="idle, % of a core", of=Quantity("ours", "percent of a core"), better="less", target=0.2),
)

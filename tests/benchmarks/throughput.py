"""Many runs of one script, two at a time: what W1 and W7 have in common."""

import time
from collections.abc import Sequence
from typing import Final

from tests.benchmarks.bench import MISHAPS, Bench
from tests.benchmarks.contender import Contender
from tests.benchmarks.figures import in_turn
from tests.benchmarks.proof import CountedScript

_WARM_UP: Final = 4


def measure(bench: Bench, work: str, number: int, contenders: Sequence[Contender], *, first: str, count: int) -> None:
    """Let every contender execute a script so many times, each once, in an order that turns with the round."""
    by_name = {contender.name: contender for contender in contenders}
    for name in in_turn(list(by_name), number):
        contender = by_name[name]
        reason = contender.why_not(bench)
        if reason is not None:
            bench.leave_out(name, reason)
            continue
        bench.versions.setdefault(name, contender.version(bench))
        try:
            runs_per_s, cpu_ms = _measured(bench, contender, first, count)
        except MISHAPS as error:  # the others go on
            bench.fail(f"{name} in {work}, round {number}", str(error))
        else:
            bench.note(work, number, name, runs_per_s=runs_per_s, CPU_ms_per_run=cpu_ms)


def _measured(bench: Bench, contender: Contender, first: str, count: int) -> tuple[float, float]:
    """Return runs a second, and the CPU time that one took, of everybody whom the contender started."""
    household = bench.household
    with bench.directory() as directory:
        script = CountedScript(directory, first)
        with contender.ready(bench, script, directory) as work:
            work.run(_WARM_UP)
            script.check(_WARM_UP)
            household.settle()
            script.forget()
            cpu_before_s, begun_s = household.cpu_s(work.spared), time.monotonic()
            work.run(count)
            spent_s = time.monotonic() - begun_s
            household.settle()  # what a run leaves behind is part of its cost
            cpu_s = household.cpu_s(work.spared) - cpu_before_s
            script.check(count)
        return count / spent_s, cpu_s / count * 1000

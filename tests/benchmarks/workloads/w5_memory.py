"""W5: memory with a queue of 1,000 and 100 scripts that sleep: the daemon, its helpers, and the shim of each script."""

from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Final

from tests.benchmarks.bench import Bench
from tests.benchmarks.contender import hold
from tests.benchmarks.figures import Goal, Quantity
from tests.benchmarks.household import memory, parent_of
from tests.benchmarks.ours import COLD, WARM, daemon, define, states
from tests.benchmarks.wire import start_runs
from tests.support.waiting import until

NAME: Final = "W5"
_WITHIN_S: Final = 120
_COLD_SCRIPT: Final = "#!/bin/sh\necho $$ >> {out}\nexec sleep 3600\n"
_WARM_SCRIPT: Final = """import os, time
os.write(os.open({out!r}, os.O_WRONLY | os.O_APPEND), b"%d\\n" % os.getpid())
time.sleep(3600)
"""


def measure(bench: Bench, number: int) -> None:
    """Measure it with cold and with warm starts."""
    _measure(bench, number, "ours, cold", text=_COLD_SCRIPT, suffix=".sh", arguments=COLD)
    _measure(bench, number, "ours, warm", text=_WARM_SCRIPT, suffix=".py", arguments=WARM)


def _measure(bench: Bench, number: int, name: str, *, text: str, suffix: str, arguments: Mapping[str, str]) -> None:
    sizes = bench.sizes
    with bench.directory() as directory, daemon(bench, directory, slots=sizes.running) as one:
        out, script = directory / "pids", directory / f"sleeper{suffix}"
        out.touch()
        script.write_text(text.format(out=str(out)), encoding="utf-8")
        script.chmod(0o755)
        define(one, "sleeper", script, arguments)
        start_runs(one.port, {"JobName": "sleeper"}, count=sizes.running + sizes.queued)

        def running() -> bool:
            return len(out.read_text().splitlines()) == sizes.running

        until(running, within_s=_WITHIN_S, what=f"{sizes.running} running scripts")
        bench.household.settle()
        found = states(one, "sleeper")
        hold(found.count("RUNNING") == sizes.running, f"{found.count('RUNNING')} runs are RUNNING")
        hold(found.count("WAITING") == sizes.queued, f"{found.count('WAITING')} runs are WAITING")
        _note(bench, number, name, one.pid, out)


def _note(bench: Bench, number: int, name: str, daemon_pid: int, out: Path) -> None:
    scripts = set(map(int, out.read_text(encoding="ascii").split()))
    shims = {parent_of(pid) for pid in scripts}
    hold(len(shims) == len(scripts), f"{len(scripts)} scripts have {len(shims)} parents")
    helpers = set(bench.household.pids()) - scripts - shims - {daemon_pid}
    daemon_rss, daemon_pss = memory(daemon_pid)
    pss = [memory(pid)[1] for pid in shims]
    bench.note(
        NAME,
        number,
        name,
        daemon_RSS_MB=daemon_rss,
        daemon_PSS_MB=daemon_pss,
        helpers_PSS_MB=sum(memory(pid)[1] for pid in helpers),
        shim_PSS_MB=median(pss),
        largest_shim_PSS_MB=max(pss),
        script_PSS_MB=median(memory(pid)[1] for pid in scripts),
    )


GOALS: Final = (
    Goal(work=NAME, name="daemon, RSS MB", of=Quantity("ours, cold", "daemon RSS MB"), better="less", target=80),
    Goal(
        work=NAME,
        name="each shim, PSS MB (the largest)",
        of=Quantity("ours, cold", "largest shim PSS MB"),
        better="less",
        target=3,
    ),
    Goal(
        work=NAME,
        name="each shim of a warm run, PSS MB (the largest)",
        of=Quantity("ours, warm", "largest shim PSS MB"),
        better="less",
        target=3,
    ),
)

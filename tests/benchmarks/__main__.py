"""Measure, print the table, and keep the figures. `python -m tests.benchmarks --help`."""

import argparse
import importlib
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, Final, NoReturn

from tests.benchmarks import machine, results, table
from tests.benchmarks.bench import MISHAPS, Bench
from tests.benchmarks.figures import Goal, compare
from tests.benchmarks.household import Household
from tests.benchmarks.options import PEERS, ROOT, WORKS, clean_python, parse, sizes

_MODULES: Final = {
    "W1": "w1_throughput",
    "W2": "w2_latency",
    "W3": "w3_acknowledgements",
    "W4": "w4_history",
    "start-up": "start_up",
    "W5": "w5_memory",
    "W6": "w6_idle",
    "W7": "w7_pandas",
    "W8": "w8_console",
}
_DOCUMENT: Final = ROOT / "docs" / "performance.md"


def main() -> None:
    """Do as the arguments say; exit 1 if some work was not done as it should have been."""
    options = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, _end)
    household = Household()
    root = Path(tempfile.mkdtemp(prefix="bench-", dir=options.scratch))
    try:
        bench = Bench(
            root=root,
            sizes=sizes(options),
            peers=options.peers,
            scripts_python=clean_python(options.scripts_python, root / "python"),
            peers_python=options.peers_python,
            heavy_python=options.heavy_python,
            household=household,
            tell=_tell,
        )
        _keep(bench, options, _measure(bench, options))
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # the second Ctrl-C shall not leave anything behind
        household.end_all()
        shutil.rmtree(root, ignore_errors=True)
    sys.exit(1 if bench.failed else 0)


def _measure(bench: Bench, options: argparse.Namespace) -> list[Goal]:
    """Measure everything once a round; return what was aimed at."""
    workloads = [_workload(name) for name in _MODULES if name in options.only]
    heavy = importlib.import_module("tests.benchmarks.workloads.heavy") if options.heavy else None
    for number in range(1, bench.sizes.rounds + 1):
        for workload in workloads:
            try:
                workload.measure(bench, number)
            except MISHAPS as error:
                bench.fail(f"{workload.NAME}, round {number}", str(error))
        if heavy is not None:
            heavy.measure(bench, number, options.heavy)
    asked = heavy.goals(options.heavy) if heavy is not None else []
    return [*(goal for workload in workloads for goal in workload.GOALS), *asked]


def _workload(name: str) -> Any:
    return importlib.import_module(f"tests.benchmarks.workloads.{_MODULES[name]}")


def _keep(bench: Bench, options: argparse.Namespace, goals: list[Goal]) -> None:
    for name in [*WORKS, *PEERS]:
        if name not in [*options.only, *options.peers]:
            bench.leave_out(name, "not asked for")
    facts = {
        "measured": datetime.now(tz=UTC).strftime("%Y-%m-%d %H:%M UTC"),
        **{name.replace("_", " "): f"{value:,g}" for name, value in asdict(bench.sizes).items()},
        **machine.facts(),
        "fsyncs/s": f"{machine.fsyncs_per_s(bench.root):,.0f}",
        **bench.versions,
    }
    rows = compare(goals, bench.samples)
    asked = {name: str(value) for name, value in vars(options).items()}
    text = table.text(rows, bench.samples, facts, bench.left_out)
    results.store(options.output, results.as_json(rows, bench.samples, facts, bench.left_out, asked), text)
    sys.stdout.write(f"\n{text}\nkept in {options.output}\n")
    if options.write_docs:
        figures = table.markdown(rows, bench.samples, facts, bench.left_out)
        _DOCUMENT.write_text(table.put_between(_DOCUMENT.read_text(encoding="utf-8"), figures), encoding="utf-8")


def _tell(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


def _end(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise SystemExit(128 + number)


if __name__ == "__main__":
    main()

"""Everything at once, then the account. `python -m tests.soak --minutes 10 --seed 1`."""

import argparse
import contextlib
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from tests.soak import checker, evidence
from tests.soak.clients import Client, Known, be_slow, by_boto, by_command_line, by_hand
from tests.soak.history import History, Violation
from tests.soak.record import Record
from tests.soak.stage import Stage
from tests.soak.troubles import Troubles
from tests.support.waiting import until

_SETTLE_WITHIN_S: Final = 180
_SPARED: Final = 0.8
"""Of the time; from then on the daemon is not killed any more."""
_SHOWN: Final = 25
_MIB: Final = 1 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Do as the arguments say; return 1 if a promise was broken."""
    options = _options(arguments)
    signal.signal(signal.SIGTERM, _end)
    root = Path(tempfile.mkdtemp(prefix="soak-", dir=options.scratch))
    record = Record(root / "record.jsonl")
    disk_bytes = int((96 + 64 * options.minutes) * _MIB)
    try:
        with Stage(root, record, disk_bytes=disk_bytes) as stage:
            for line in stage.left_out:
                _tell(f"LEFT OUT: {line}")
            mishaps = _go_on(stage, record, options)
            _settle(stage)
            remains = evidence.remains(stage, _probe(stage))
            descriptors = evidence.descriptor_names(stage)
            history = evidence.gather(stage, record, remains)
            left_out = stage.left_out
    except (KeyboardInterrupt, SystemExit):  # nobody wants to look at what he has interrupted
        shutil.rmtree(root, ignore_errors=True)
        raise
    finally:
        record.close()
    violations = [*(Violation("clients do their work", one) for one in mishaps), *checker.check(history)]
    sys.stdout.write(summary(history, record.counts, left_out, options))
    if not violations and not options.keep:
        shutil.rmtree(root)
        return 0
    sys.stdout.write("".join(_told(history, violations, descriptors)) + f"kept in {root}\n")
    return 1 if violations else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=0.3, help="seconds between two calls of one client, on average")
    parser.add_argument("--trouble", type=float, default=2.5, help="seconds between two troubles, on average")
    parser.add_argument("--keep", action="store_true", help="keep its directory in any case")
    parser.add_argument("--scratch", type=Path, default=Path("/var/tmp"), help="where its directory is made")  # noqa: S108 - a directory of ours is made below it
    return parser.parse_args(arguments)


def _go_on(stage: Stage, record: Record, options: argparse.Namespace) -> list[str]:
    """Let clients and troubles loose for as long as was asked for; return what they complain of."""
    known, seed, stop = Known(), options.seed, threading.Event()
    sends = {f"boto-{number}": by_boto(stage) for number in range(3)}
    sends |= {f"raw-{number}": by_hand(stage, random.Random(f"{seed} ids {number}")) for number in range(3)}
    clients = [Client(name, seed, record, known, send) for name, send in sends.items()]
    command_line = Client("cli", seed, record, known, by_command_line(stage), starts_only=True)
    troubles = Troubles(stage, record, seed)
    until_s = time.monotonic() + 60 * options.minutes
    with ThreadPoolExecutor(len(clients) + 3) as threads, _stopping(stop):
        work: list[Future[None]] = [threads.submit(client.run, stop, options.pause) for client in clients]
        work.append(threads.submit(command_line.run, stop, 8 * options.pause))
        work.append(threads.submit(be_slow, stage, seed, record, stop))
        work.append(threads.submit(troubles.run, stop, options.trouble))
        _start_what_takes_long(stage, record)
        spare_s = until_s - 60 * options.minutes * (1 - _SPARED)
        told_s = time.monotonic()
        while (now_s := time.monotonic()) < until_s and not any(one.done() for one in work):
            if now_s >= spare_s:
                troubles.spares_daemon.set()
            if now_s >= told_s + 60:
                told_s = now_s
                _tell(f"{(until_s - now_s) / 60:.0f} min left; {sum(record.counts.values()):,} things done")
            time.sleep(0.2)
        stop.set()
        return [repr(error) for one in work if (error := one.exception()) is not None]


@contextlib.contextmanager
def _stopping(stop: threading.Event) -> Iterator[None]:
    """Let the threads end whatever happens here."""
    try:
        yield
    finally:
        stop.set()


def _start_what_takes_long(stage: Stage, record: Record) -> None:
    """Start the run that is ended by its Timeout."""
    members = {"JobName": "overtime", "Arguments": {"--ticket": "overtime"}}
    number = record.asked("main", "StartJobRun", members)
    outcome, answer = by_boto(stage)("StartJobRun", members)
    record.answered(number, outcome, answer, "StartJobRun")


def _settle(stage: Stage) -> None:
    """Give everything back, let no instant come any more, and wait until all has ended."""
    _tell("settling")
    if stage.is_full:
        stage.empty()
    stage.revive()
    stage.set_clock(200_000)  # behind every offset there was: what became due then is due now
    answer = stage.daemon.call("StopTrigger", {"Name": "minutely"})
    assert "__type" not in answer, answer
    with contextlib.suppress(TimeoutError):  # what has not ended is for the checker to tell
        until(lambda: not evidence.live(stage), within_s=_SETTLE_WITHIN_S, what="the end of everything")


def _probe(stage: Stage) -> str:
    """Start a run that needs all slots; return how it is after a while."""
    run_id = stage.daemon.call("StartJobRun", {"JobName": "whole"})["JobRunId"]
    with contextlib.suppress(TimeoutError):
        return str(stage.daemon.ended("whole", run_id)["JobRunState"])
    return str(stage.daemon.run("whole", run_id)["JobRunState"])


def summary(history: History, counts: Counter[str], left_out: Sequence[str], options: argparse.Namespace) -> str:
    """Return the table of what was done."""
    states = Counter(run.state for run in history.runs)
    firings = Counter(one.trigger for one in history.firings)
    rows = [
        ("minutes, seed", f"{options.minutes:g}, {options.seed}"),
        ("runs", f"{len(history.runs):,}: {_counted(states)}"),
        ("attempts beyond the first", f"{sum(run.attempt > 0 for run in history.runs):,}"),
        ("lines of scripts", f"{len(history.effects):,}"),
        ("bookmark versions", _counted(Counter(one.cause for one in history.bookmarks))),
        ("firings", _counted(firings)),
        ("workflow runs", _counted(Counter(run.status for run in history.workflow_runs))),
        ("file descriptors", f"{history.remains.descriptors} left, {history.remains.allowed_descriptors} explained"),
        *((what, f"{count:,}") for what, count in sorted(counts.items())),
        *(("LEFT OUT", line) for line in left_out),
    ]
    width = max(len(name) for name, _ in rows)
    return "".join(f"{name:<{width}}  {value}\n" for name, value in rows)


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.most_common()) or "none"


def _told(history: History, violations: Sequence[Violation], descriptors: Sequence[str]) -> Iterator[str]:
    runs = {run.id: run for run in history.runs}
    if violations:
        yield f"\n{len(violations)} VIOLATIONS\n"
    for one in violations[:_SHOWN]:
        yield f"* {one.rule}: {one.what}\n"
        if one.run_id in runs:
            run = runs[one.run_id]
            yield f"    {run}\n"
            yield from (f"    {line}\n" for line in history.effects if line.run_id == run.id)
    if any(one.rule == "no file descriptor is left" for one in violations):
        yield "\n".join(["the daemon's descriptors:", *descriptors, ""])


def _tell(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stderr.flush()


def _end(number: int, frame: FrameType | None) -> NoReturn:
    del frame
    raise SystemExit(128 + number)


if __name__ == "__main__":
    sys.exit(main())

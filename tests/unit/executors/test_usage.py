"""What a run uses, seen from outside: its whole tree, those that have ended included, and nobody else."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest

from orchestrator.executors.interface import Usage
from orchestrator.executors.local import usage
from orchestrator.executors.local.cgroups import Cgroups
from orchestrator.executors.local.run_directory import RunDirectory
from orchestrator.executors.local.spares import Shim
from tests.support.records import run_id
from tests.support.waiting import until

_MIB: Final = 1024 * 1024
_RUN: Final = run_id(1)
_TICKS_MS: Final = 60
"""Clock ticks of 10 ms, of which each process can lose one at each of its ends."""
_SUBREAPER: Final = "import ctypes; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"


@contextmanager
def shim(runs: Path, body: str, *, waited_ms: int = 0, claimed_by: int | None = None) -> Iterator[Shim]:
    """Lend a process that takes a shim's place: it runs `body` with `child(code)`, says so, and waits."""
    start = "import os, subprocess, sys, time\nchild = lambda code: subprocess.Popen([sys.executable, '-c', code])\n"
    code = f"{_SUBREAPER}{start}{body}\nprint('done', flush=True)\nsys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    pidfd = os.pidfd_open(process.pid)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        directory = RunDirectory(runs, _RUN)
        directory.create()
        claim = {"by": "shim", "run_id": str(_RUN), "pid": claimed_by or process.pid, "waited_ms": waited_ms}
        (directory.path / "claim").write_text(json.dumps(claim))
        yield Shim(process.pid, pidfd)
    finally:
        for pid in _descendants(process.pid):
            os.kill(pid, signal.SIGKILL)
        process.kill()
        process.communicate()
        os.close(pidfd)


def _descendants(pid: int) -> list[int]:
    found = [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return found + [one for child in found for one in _descendants(child)]


def used(runs: Path, one: Shim) -> Usage | None:
    return usage.of_runs(runs, {_RUN: [one]}, None).get(_RUN)


def certainly_used(runs: Path, one: Shim) -> Usage:
    found = used(runs, one)
    assert found is not None
    return found


def burning(seconds: float) -> str:
    return f"import time\nwhile time.process_time() < {seconds}: pass"


def test_all_descendants_count_and_the_shim_does_not(tmp_path: Path) -> None:
    holds = f"x = b'x' * {40 * _MIB}; import subprocess, sys, time\n"
    inner = f"{holds}print('in', flush=True); time.sleep(60)"
    outer = f"{holds}p = subprocess.Popen([sys.executable, '-c', {inner!r}], stdout=1); time.sleep(60)"
    body = f"""
p = subprocess.Popen([sys.executable, '-c', {outer!r}], stdout=subprocess.PIPE)
p.stdout.readline()
mine = b'x' * {200 * _MIB}"""
    with shim(tmp_path, body) as one:
        found = certainly_used(tmp_path, one)
        assert found.processes == 2
        assert 80 * _MIB < found.rss_bytes < 140 * _MIB


def test_what_ended_processes_have_used_is_counted(tmp_path: Path) -> None:
    """The child waits for its own child, and the shim for both it and one that has lost its parent."""
    orphan = f"import os\nif os.fork(): os._exit(0)\n{burning(0.3)}"
    inner = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burning(0.4)!r}])"
    body = f"child({inner!r}).wait()\nchild({orphan!r}).wait()\nwhile True:\n  try: os.wait()\n  except ChildProcessError: break"
    with shim(tmp_path, body) as one:
        found = certainly_used(tmp_path, one)
        assert (found.processes, found.rss_bytes) == (0, 0)
        assert 700 - _TICKS_MS <= found.cpu_ms <= 1300  # three interpreters start, too


def test_what_a_live_process_has_waited_for_is_counted(tmp_path: Path) -> None:
    waits = f"import subprocess, sys, time\nsubprocess.run([sys.executable, '-c', {burning(0.4)!r}])\nprint('in', flush=True)\ntime.sleep(60)"
    body = f"p = subprocess.Popen([sys.executable, '-c', {waits!r}], stdout=subprocess.PIPE)\np.stdout.readline()"
    with shim(tmp_path, body) as one:
        found = certainly_used(tmp_path, one)
        assert found.processes == 1
        assert found.cpu_ms >= 400 - _TICKS_MS


def test_processor_time_grows_while_a_process_burns_and_stays_when_it_has_ended(tmp_path: Path) -> None:
    body = f"p = child({burning(0.8)!r})\nimport threading\nthreading.Thread(target=p.wait, daemon=True).start()"
    with shim(tmp_path, body) as one:
        seen = [certainly_used(tmp_path, one)]

        def has_ended() -> bool:
            seen.append(certainly_used(tmp_path, one))
            return seen[-1].processes == 0

        until(has_ended, what="the end of the child")
    figures = [one.cpu_ms for one in seen]
    assert figures[-1] >= 800 - _TICKS_MS
    assert len(set(figures)) > 3
    # Between the look at the shim and the one at a child that is waited for just then, the child can be missed.
    assert sum(later < earlier for earlier, later in pairwise(figures)) <= 1


def test_what_a_shim_has_waited_for_before_the_run_is_another_runs(tmp_path: Path) -> None:
    with shim(tmp_path, f"child({burning(0.5)!r}).wait()", waited_ms=400) as one:
        assert 100 - _TICKS_MS <= certainly_used(tmp_path, one).cpu_ms <= 400


def test_threads_that_start_processes_are_looked_at(tmp_path: Path) -> None:
    forks = "import subprocess, sys, threading, time\nthreading.Thread(target=lambda: (subprocess.Popen([sys.executable, '-c', 'print(1, flush=True); import time; time.sleep(60)'], stdout=1), time.sleep(60))).start()"
    body = f"p = subprocess.Popen([sys.executable, '-c', {forks!r}], stdout=subprocess.PIPE)\np.stdout.readline()"
    with shim(tmp_path, body) as one:
        assert certainly_used(tmp_path, one).processes == 2


def test_a_zombie_is_no_process_and_its_time_counts(tmp_path: Path) -> None:
    body = f"p = child({burning(0.3)!r})\nos.waitid(os.P_PID, p.pid, os.WEXITED | os.WNOWAIT)"
    with shim(tmp_path, body) as one:
        found = certainly_used(tmp_path, one)
        assert (found.processes, found.rss_bytes) == (0, 0)
        assert found.cpu_ms >= 300 - _TICKS_MS


def test_a_shim_that_has_no_claim_has_no_run(tmp_path: Path) -> None:
    with shim(tmp_path, "", claimed_by=os.getpid()) as one:
        assert used(tmp_path, one) is None


def test_a_shim_that_has_ended_is_found_out_and_one_that_lives_is_not(tmp_path: Path) -> None:
    with shim(tmp_path, "") as one:
        assert usage.ended([one]) == set()
        os.kill(one.pid, signal.SIGKILL)
        until(lambda: usage.ended([one]) == {one}, what="the end of the shim")
        assert used(tmp_path, one) is None


def test_a_run_whose_cgroup_is_gone_or_odd_is_looked_at_by_its_tree(tmp_path: Path) -> None:
    groups = Cgroups(tmp_path / "groups", frozenset())
    with shim(tmp_path, "p = child('import time; time.sleep(60)')") as one:
        assert usage.of_runs(tmp_path, {_RUN: [one]}, groups)[_RUN].processes == 1
        groups.of_run(_RUN).mkdir(parents=True)
        (groups.of_run(_RUN) / "cgroup.procs").write_text("1\n")
        (groups.of_run(_RUN) / "cpu.stat").write_text("odd\n")
        assert usage.of_runs(tmp_path, {_RUN: [one]}, groups)[_RUN].processes == 1


@pytest.mark.timeout(120)
def test_a_look_at_two_hundred_runs_is_quick(tmp_path: Path) -> None:
    with shim(tmp_path, "for _ in range(2): child('import time; time.sleep(60)')") as one:
        until(lambda: certainly_used(tmp_path, one).processes == 2, what="the children")
        began_s = time.thread_time()
        for _ in range(200):
            certainly_used(tmp_path, one)
        assert time.thread_time() - began_s < 0.2

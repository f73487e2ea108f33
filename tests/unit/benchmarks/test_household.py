"""All that was started is counted and ended, whoever its parent was and however that died."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[3]
BURN: Final = "import time\nwhile time.process_time() < 0.3: pass\n"
ORPHAN: Final = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', sys.argv[1]])\n"
"""Starts a process and leaves it alone."""


def told(tmp_path: Path, body: str) -> Any:
    """Return what a program prints that has a household `home`: it is its own, because a sub-reaper stays one."""
    program = (
        "import json, os, subprocess, sys, time\nfrom pathlib import Path\n"
        "from tests.benchmarks.household import Household, memory, parent_of\n"
        f"home, directory, burn, orphan = Household(), Path({str(tmp_path)!r}), {BURN!r}, {ORPHAN!r}\n{body}"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_living_and_the_dead_are_counted(tmp_path: Path) -> None:
    body = """
before = home.cpu_s()
living = home.start([sys.executable, "-c", burn + "print(flush=True)\\ntime.sleep(60)"], directory, is_read=True)
living.stdout.readline()
one = home.cpu_s() - before
home.end(living)
same = home.cpu_s() - before
subprocess.run([sys.executable, "-c", burn])
print(json.dumps([one, same, home.cpu_s() - before]))
"""
    one, same, two = told(tmp_path, body)

    assert 0.25 <= one <= same + 0.03
    assert two >= same + 0.28


def test_an_orphan_is_counted_and_reaped(tmp_path: Path) -> None:
    body = """
before = home.cpu_s()
subprocess.run([sys.executable, "-c", orphan, burn])
while home.pids():
    home.reap()
print(json.dumps(home.cpu_s() - before))
"""
    assert told(tmp_path, body) >= 0.28


def test_a_load_generator_is_spared(tmp_path: Path) -> None:
    body = """
living = home.start([sys.executable, "-c", burn + "print(flush=True)\\ntime.sleep(60)"], directory, is_read=True)
living.stdout.readline()
print(json.dumps([home.cpu_s(), home.cpu_s([living.pid])]))
home.end_all()
"""
    counted, spared = told(tmp_path, body)

    assert counted >= 0.25
    assert spared < 0.2


def test_the_living_are_counted_to_the_nanosecond(tmp_path: Path) -> None:
    body = """
living = home.start([sys.executable, "-c", "import sys\\nfor line in sys.stdin: print(flush=True)"], directory, is_read=True)
def step():
    living.stdin.write(b"x\\n")
    living.stdin.flush()
    living.stdout.readline()
step()
before = home.exact_cpu_s()
step()
print(json.dumps(home.exact_cpu_s() - before))
home.end_all()
"""
    assert 0 < told(tmp_path, body) < 0.25


def test_it_settles_when_the_last_orphan_is_gone(tmp_path: Path) -> None:
    body = """
wait = f"import os, time\\nwhile not os.path.exists({str(directory / 'go')!r}): time.sleep(0.01)\\n"
subprocess.run([sys.executable, "-c", orphan, wait + burn])
before = home.pids()
(directory / "go").touch()
home.settle()
print(json.dumps([len(before), home.pids()]))
"""
    assert told(tmp_path, body) == [1, []]


def test_nobody_is_left_behind(tmp_path: Path) -> None:
    body = """
subprocess.run([sys.executable, "-c", orphan, "import time; time.sleep(60)"])
home.start([sys.executable, "-c", orphan + "input()", "import time; time.sleep(60)"], directory)
while len(home.pids()) < 3:
    time.sleep(0.01)
home.end_all()
print(json.dumps(home.pids()))
"""
    assert told(tmp_path, body) == []


def test_memory_and_parents_are_read(tmp_path: Path) -> None:
    body = """
living = home.start([sys.executable, "-c", "print(flush=True)\\ninput()"], directory, is_read=True)
living.stdout.readline()
print(json.dumps([*memory(living.pid), parent_of(living.pid) == os.getpid()]))
home.end_all()
"""
    rss, pss, is_ours = told(tmp_path, body)

    assert 1 < pss <= rss < 100
    assert is_ours


def test_a_talkative_process_goes_on(tmp_path: Path) -> None:
    body = """
talks = home.start([sys.executable, "-c", "print('x' * 1_000_000)"], directory)
print(json.dumps(talks.wait(timeout=20)))
"""
    assert told(tmp_path, body) == 0
    assert (tmp_path / "log").stat().st_size == 1_000_001

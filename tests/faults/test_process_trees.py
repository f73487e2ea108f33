"""When a run has ended, however it ended, none of its processes is alive, whatever they do to get away.

They leave the script's group and session, are orphaned on purpose, ignore SIGTERM, clear their environment, hold the
script's output, fork for ever, or fork many. A token among their arguments tells them: some have no other mark.
"""

import contextlib
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import psutil
import pytest

from tests.support import processes, runs
from tests.support.crashing import Lives, kill, shim_of
from tests.support.daemon import ROOT
from tests.support.waiting import until

_BOMB: Final = 200
_EVIL: Final = """
import os, signal, subprocess, sys, time
TOKEN = {token!r}
SLEEP = "import os, time\\ntime.sleep(120)"
DEAF = "import os, signal, time\\nsignal.signal(15, 1)\\nsignal.signal(1, 1)\\ntime.sleep(120)"
CHAIN = (
    "import os, signal, time\\n"
    "signal.signal(15, 1)\\n"
    "end = time.monotonic() + 90\\n"
    "while time.monotonic() < end and os.fork() == 0: time.sleep(0.002)\\n"
    "os._exit(0)"
)
WRITER = "import os\\nwhile True: os.write(1, b'x' * 65536)"
BOMB = (
    "import os, signal, time\\n"
    "signal.signal(15, 1)\\n"
    "for _ in range({bomb}):\\n"
    "    if os.fork() == 0: break\\n"
    "time.sleep(120)"
)

def begin(code, *, orphan=False, **options):
    argv = [sys.executable, "-I", "-S", "-c", code, TOKEN]
    if not orphan:
        return subprocess.Popen(argv, **options)
    pid = os.fork()
    if pid == 0:
        os.setsid()
        subprocess.Popen(argv, **options)
        os._exit(0)
    os.waitpid(pid, 0)

quiet = dict(stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
begin(SLEEP)
begin(SLEEP, process_group=0) if sys.version_info >= (3, 11) else begin(SLEEP)
begin(SLEEP, start_new_session=True)
begin(DEAF, orphan=True, **quiet)
begin(DEAF, orphan=True, env={{}}, cwd="/", **quiet)
begin(CHAIN, start_new_session=True, **quiet)
begin(CHAIN, orphan=True, env={{}}, **quiet)
begin(WRITER, start_new_session=True)
begin(BOMB, orphan=True, **quiet)
open({ready!r}, "w").close()
{then}
"""
_LEAST: Final = _BOMB
"""How many are seen at least when all have begun: a chain may be between two of its processes."""


class Evil:
    """A script that does it all, and who is alive of it."""

    def __init__(self, folder: Path) -> None:
        """Keep what it needs in `folder`."""
        self.token = f"evil-{uuid.uuid4()}"
        self._ready = folder / f"{self.token}.ready"
        self.go = folder / f"{self.token}.go"

    def script(self, then: str) -> str:
        """Return the script, which does `then` at last."""
        return _EVIL.format(token=self.token, bomb=_BOMB, ready=str(self._ready), then=then)

    def ends_when_told(self) -> str:
        """Return one that ends when `go` is there."""
        return self.script(f"while not os.path.exists({str(self.go)!r}): time.sleep(0.01)")

    def alive(self) -> list[int]:
        """Return the pids of those that are alive."""
        found = []
        for pid in psutil.pids():
            try:
                argv = Path(f"/proc/{pid}/cmdline").read_bytes()
            except OSError:
                continue
            if self.token.encode() in argv and processes.is_alive(pid):
                found.append(pid)
        return found

    def wait_for_all(self) -> None:
        """Wait until all are there."""
        until(self._ready.exists, what="a script that has begun all of them")
        until(lambda: len(self.alive()) >= _LEAST, what=f"{_LEAST} processes")

    def end(self) -> None:
        """Leave none, where a test fails."""
        for _ in range(200):
            left = self.alive()
            if not left:
                return
            for pid in left:
                with contextlib.suppress(ProcessLookupError):  # a chain changes its pid, not its group
                    group = os.getpgid(pid)
                    os.killpg(group, 9) if group != os.getpgrp() else os.kill(pid, 9)


@pytest.fixture
def evil(tmp_path: Path) -> Iterator[Evil]:
    """Lend one."""
    evil = Evil(tmp_path)
    yield evil
    evil.end()


@pytest.fixture(params=[pytest.param(False, id="cold"), pytest.param(True, id="warm", marks=pytest.mark.crash_full)])
def lives(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lives]:
    """Lend a daemon whose minutes have 25 seconds, and whose runs are executed, or forked from a template."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "if 'serve' in sys.orig_argv:\n"
        "    import orchestrator.supervisor.launching as launching\n"
        "    launching._S_PER_MIN = 25\n"
    )
    runtimes = '{"warm": {}}' if request.param else "{}"
    environment = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    with Lives(tmp_path, environment=environment, runtimes=runtimes, runs__stop_grace_s=0.4) as lives:
        if request.param:
            until(lambda: "template_ready" in lives.daemon.log(), what="a template that is ready")
        yield lives


def _start(lives: Lives, script: str, **members: Any) -> tuple[str, str]:
    is_warm = '{"warm": {}}' in lives.daemon.environment.values()
    arguments = {"--orchestrator-runtime": "warm"} if is_warm else {}
    job = lives.daemon.job("evil", script, DefaultArguments=arguments, **members)
    return job, lives.client.start(job)


def _check_over(lives: Lives, evil: Evil, job: str, run_id: str, state: str) -> None:
    """Hold that at the moment in which the run is seen to have ended, none is alive; and that the next run is as ever."""
    ended = lives.daemon.ended(job, run_id)
    assert evil.alive() == []
    assert ended["JobRunState"] == state, ended
    assert runs.succeed(lives.daemon, lives.daemon.job("next", "print(1)"))


def test_none_outlives_the_end_of_the_script(lives: Lives, evil: Evil) -> None:
    job, run_id = _start(lives, evil.ends_when_told())
    evil.wait_for_all()
    evil.go.touch()
    _check_over(lives, evil, job, run_id, "SUCCEEDED")


def test_none_outlives_a_stop(lives: Lives, evil: Evil) -> None:
    job, run_id = _start(lives, evil.script("time.sleep(120)"))
    evil.wait_for_all()
    lives.client.stop(job, run_id)
    _check_over(lives, evil, job, run_id, "STOPPED")


@pytest.mark.crash_full
@pytest.mark.timeout(150)
def test_none_outlives_the_timeout(lives: Lives, evil: Evil) -> None:
    job, run_id = _start(lives, evil.script("signal.signal(15, signal.SIG_IGN)\ntime.sleep(120)"), Timeout=1)
    evil.wait_for_all()
    _check_over(lives, evil, job, run_id, "TIMEOUT")


def _sleeper(token: str) -> str:
    return (
        f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)', {token!r}])\n"
    )


def _writer(token: str) -> str:
    endless = "import os\nwhile True: os.write(1, b'y' * 4096)"
    return f"import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', {endless!r}, {token!r}])\n"


@pytest.mark.parametrize("holder", [_sleeper, _writer], ids=["silent", "writing"])
def test_a_grandchild_that_holds_the_output_holds_up_no_end(
    lives: Lives, evil: Evil, holder: Callable[[str], str]
) -> None:
    job, run_id = _start(lives, holder(evil.token))
    _check_over(lives, evil, job, run_id, "SUCCEEDED")


@pytest.mark.crash_full
def test_what_carries_the_runs_mark_is_swept_after_its_shim_was_killed(lives: Lives, evil: Evil) -> None:
    """The way without a shim: all but those that have cleared their environment, of whom the README tells."""
    marked = evil.ends_when_told().replace("env={}, ", "")
    job, run_id = _start(lives, marked)
    evil.wait_for_all()
    kill(shim_of(lives.daemon, run_id).pid)
    _check_over(lives, evil, job, run_id, "FAILED")

"""Everything that the benchmarks have started: what it costs, when it rests, and that it ends.

This process makes itself the sub-reaper of all that it starts, so a daemon that forks away from its parent, or a shim
whose parent died, is still ours to count and to end.
"""

import contextlib
import ctypes
import os
import resource
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PR_SET_CHILD_SUBREAPER: Final = 36
_TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
_NS_PER_S: Final = 1_000_000_000
_REST_S: Final = 0.1
_LOOKS: Final = 10  # on a machine so busy that one look takes long
_BUSY: Final = "RD"  # runs or would like to, and waits for a disk
_LOOK_S: Final = 0.005
_GRACE_S: Final = 10
CLEAN: Final[Mapping[str, str]] = {"PATH": "/usr/local/bin:/usr/bin:/bin:/usr/sbin", "LANG": "C.UTF-8"}
"""The environment of every contender."""


class BenchmarkError(Exception):
    """The work was not done as it should have been, so there is no figure."""


@dataclass(frozen=True, slots=True)
class _Stat:
    pid: int
    parent: int
    state: str
    cpu_s: float  # its own, and that of those it has waited for


class Household:
    """The processes below this one."""

    def __init__(self) -> None:
        """Become the sub-reaper."""
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._children: set[int] = set()  # somebody waits for them by their pid

    def start(
        self,
        command: Sequence[str | Path],
        directory: Path,
        environment: Mapping[str, str] | None = None,
        *,
        log: str = "log",
        is_read: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a process that hears us; what it says goes into a file, or its standard output to us if it `is_read`."""
        with (directory / log).open("ab") as errors:
            process = subprocess.Popen(
                list(map(str, command)),
                env={**CLEAN, "HOME": str(directory), **(environment or {})},
                cwd=directory,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE if is_read else errors,  # a pipe that nobody reads stops whoever fills it
                stderr=errors,
                start_new_session=True,  # Ctrl-C is for us: we end the others
            )
        self._children.add(process.pid)
        return process

    def know(self, pid: int) -> None:
        """Leave a child to somebody else who waits for it."""
        self._children.add(pid)

    def cpu_s(self, spared: Sequence[int] = ()) -> float:
        """Return the CPU time of all that was started, living and dead, without what the `spared` themselves took.

        Exact to a tick (10 ms) per living process, so take differences over long work.
        """
        self.reap()
        dead = resource.getrusage(resource.RUSAGE_CHILDREN)
        return dead.ru_utime + dead.ru_stime + sum(stat.cpu_s for stat in self._below() if stat.pid not in spared)

    def exact_cpu_s(self) -> float:
        """Return the CPU time of the living, to the nanosecond: for what hardly does anything."""
        total = 0
        for stat in self._below():
            for thread in Path(f"/proc/{stat.pid}/task").iterdir():
                total += int((thread / "schedstat").read_text().split()[0])
        return total / _NS_PER_S

    def pids(self) -> list[int]:
        """Return everybody's pid."""
        return [stat.pid for stat in self._below()]

    def settle(self, within_s: float = 30) -> None:
        """Wait until, for a moment, nobody has come or gone, and nobody has wanted a processor or a disk.

        Raises:
            BenchmarkError: it does not come to rest.
        """
        until_s = time.monotonic() + within_s
        seen, since_s, looks = set[int](), time.monotonic(), 0
        while time.monotonic() < until_s:
            self.reap()
            stats = self._below()
            now = {stat.pid for stat in stats}
            if now != seen or any(stat.state in _BUSY for stat in stats):
                seen, since_s, looks = now, time.monotonic(), 0
            elif time.monotonic() - since_s >= _REST_S and looks >= _LOOKS:
                return
            looks += 1
            time.sleep(_LOOK_S)
        message = "the processes of a contender do not come to rest"
        raise BenchmarkError(message)

    def reap(self) -> None:
        """Wait for the dead that nobody else waits for."""
        me = os.getpid()
        for stat in self._below():
            if stat.parent == me and stat.state == "Z" and stat.pid not in self._children:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(stat.pid, os.WNOHANG)

    def end(self, process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
        """End a process that `start` returned, by force if it does not heed the signal; return its exit code."""
        process.send_signal(number)
        try:
            process.communicate(timeout=_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
        self._children.discard(process.pid)
        return process.returncode

    def end_all(self) -> None:
        """Kill whoever is left, and those that they leave to us, until nobody is."""
        until_s = time.monotonic() + _GRACE_S
        while (left := self._below()) and time.monotonic() < until_s:
            for stat in left:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(stat.pid, signal.SIGKILL)
            self._children.clear()
            self.reap()
            time.sleep(_LOOK_S)

    @staticmethod
    def _below() -> list[_Stat]:
        """Return all that descend from this process."""
        stats = {stat.pid: stat for stat in _stats()}
        of = dict[int, list[int]]()
        for stat in stats.values():
            of.setdefault(stat.parent, []).append(stat.pid)
        found, waiting = [], list(of.get(os.getpid(), ()))
        while waiting:
            pid = waiting.pop()
            found.append(stats[pid])
            waiting += of.get(pid, ())
        return found


def parent_of(pid: int) -> int:
    """Return a process's parent.

    Raises:
        OSError: there is no such process.
    """
    return _parse(Path(f"/proc/{pid}/stat").read_text(encoding="latin-1")).parent


def memory(pid: int) -> tuple[float, float]:
    """Return a process's RSS and PSS in MB (10^6 bytes).

    Raises:
        OSError: there is no such process.
    """
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="latin-1").splitlines()
    kilobytes = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
    return kilobytes["Rss"] * 1024 / 1e6, kilobytes["Pss"] * 1024 / 1e6


def _stats() -> Iterator[_Stat]:
    for name in os.listdir("/proc"):  # noqa: PTH208 - names are all that is wanted, and this is on a hot path
        if name.isdigit():
            with contextlib.suppress(OSError):
                yield _parse(Path(f"/proc/{name}/stat").read_text(encoding="latin-1"))


def _parse(line: str) -> _Stat:
    pid, _, rest = line.partition(" (")
    fields = rest.rpartition(") ")[2].split()
    return _Stat(
        pid=int(pid), parent=int(fields[1]), state=fields[0], cpu_s=sum(map(int, fields[11:15])) / _TICKS_PER_S
    )

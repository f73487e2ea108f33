"""What the processes of a run use now: told by its cgroup, or else by a walk over the descendants of its shim. Blocks.

The shim is none of the run's processes, but what it has waited for was. What a process used that ended, and that nobody
waited for, is not seen by a walk; a cgroup counts that, too.

Source: proc(5); the kernel's cgroup-v2 document.
"""

import os
import select
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from orchestrator.executors.interface import Usage
from orchestrator.executors.local.cgroups import Cgroups
from orchestrator.executors.local.run_directory import RunDirectory
from orchestrator.executors.local.spares import Claim, Shim
from orchestrator.model.ids import JobRunId

_MS_PER_TICK: Final = 1000 / os.sysconf("SC_CLK_TCK")
_PAGE_BYTES: Final = os.sysconf("SC_PAGE_SIZE")
_GONE: Final = frozenset({b"Z", b"X"})
_STATE, _PARENT, _USER, _SYSTEM, _WAITED_USER, _WAITED_SYSTEM, _THREADS, _RESIDENT = 0, 1, 11, 12, 13, 14, 17, 21
"""Places in /proc/<pid>/stat, counted behind the name of the program."""
_RESIDENT_PARTS: Final = frozenset({"anon", "file_mapped"})
"""What of a cgroup's memory is resident in processes: not what the kernel caches of files for it."""


@dataclass(frozen=True, slots=True)
class _Process:
    parent: int
    is_alive: bool
    own_ticks: int
    waited_ticks: int  # of children that it has waited for, and of theirs
    threads: int
    resident_bytes: int


def of_runs(runs: Path, watched: Mapping[JobRunId, Sequence[Shim]], cgroups: Cgroups | None) -> dict[JobRunId, Usage]:
    """Return what runs use whose shims are these; those are left out of which nothing can be seen.

    A shim may be let go of meanwhile, by the event loop: what is returned of its run is then worth nothing.
    """
    found = {}
    for run_id, shims in watched.items():
        with suppress(OSError):
            used = _of_run(runs, run_id, shims, cgroups)
            if used is not None:
                found[run_id] = used
    return found


def ended(shims: Collection[Shim]) -> set[Shim]:
    """Return those that have ended. For the event loop's thread, in which their pidfds are closed."""
    poll = select.poll()
    by_pidfd = {shim.pidfd: shim for shim in shims}
    for pidfd in by_pidfd:
        poll.register(pidfd, select.POLLIN)
    return {by_pidfd[pidfd] for pidfd, _ in poll.poll(0)}


def _of_run(runs: Path, run_id: JobRunId, shims: Sequence[Shim], cgroups: Cgroups | None) -> Usage | None:
    if cgroups is not None:
        with suppress(OSError, ValueError, StopIteration):  # it has none of its own, or not any more
            return _of_group(cgroups.of_run(run_id))
    for shim in shims:
        if shim.claim is None or shim.claim.run_id != run_id:  # the one of the run that it served before
            shim.claim = Claim(run_id, *RunDirectory(runs, run_id).claimed())
        if shim.claim.pid == shim.pid:  # the others have come too late, and have no children
            return _of_tree(shim.pid, shim.claim.waited_ms)
    return None


def _of_group(group: Path) -> Usage:
    pids = [int(pid) for pid in (group / "cgroup.procs").read_bytes().split()]
    used_us = next(value for name, value in _figures(group / "cpu.stat") if name == "usage_usec")
    try:
        resident_bytes = sum(value for name, value in _figures(group / "memory.stat") if name in _RESIDENT_PARTS)
    except FileNotFoundError:  # a cgroup without the controller
        resident_bytes = sum(process.resident_bytes for pid in pids if (process := _look(pid)) is not None)
    return Usage(cpu_ms=used_us // 1000, rss_bytes=resident_bytes, processes=len(pids))


def _figures(file: Path) -> Iterator[tuple[str, int]]:
    for line in file.read_text(encoding="ascii").splitlines():
        name, value = line.split()
        yield name, int(value)


def _of_tree(shim: int, waited_before_ms: int) -> Usage | None:
    first = _look(shim)
    if first is None or not first.is_alive:
        return None
    ticks, resident_bytes, processes = first.waited_ticks, 0, 0
    ours = {shim}
    waiting = _children(shim, first.threads)
    while waiting:  # parents before children: one that is waited for in between is missed, and not counted twice
        pid = waiting.pop()
        process = _look(pid)
        if process is None or process.parent not in ours or pid in ours:  # gone, or by now a stranger's number
            continue
        ours.add(pid)
        ticks += process.own_ticks + process.waited_ticks
        resident_bytes += process.resident_bytes
        processes += process.is_alive
        waiting += _children(pid, process.threads)
    cpu_ms = max(0, round(ticks * _MS_PER_TICK) - waited_before_ms)
    return Usage(cpu_ms=cpu_ms, rss_bytes=resident_bytes, processes=processes)


def _look(pid: int) -> _Process | None:
    try:
        with open(f"/proc/{pid}/stat", "rb", buffering=0) as file:  # noqa: PTH123 - many files, of which one read takes all
            fields = file.read(4096).rpartition(b") ")[2].split()
    except OSError:
        return None
    return _Process(
        parent=int(fields[_PARENT]),
        is_alive=fields[_STATE] not in _GONE,
        own_ticks=int(fields[_USER]) + int(fields[_SYSTEM]),
        waited_ticks=int(fields[_WAITED_USER]) + int(fields[_WAITED_SYSTEM]),
        threads=int(fields[_THREADS]),
        resident_bytes=int(fields[_RESIDENT]) * _PAGE_BYTES,
    )


def _children(pid: int, threads: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for thread in [str(pid)] if threads == 1 else os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 - as above
            with (
                suppress(OSError),
                open(f"/proc/{pid}/task/{thread}/children", "rb", buffering=0) as file,  # noqa: PTH123 - as above
            ):
                found += map(int, file.read().split())
    return found

"""This machine as runs find it, looked at from outside of a daemon: what the kernel offers, and what is left of runs.

Nothing is changed, and nobody is signalled.
"""

import ctypes
import os
import platform
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import psutil

from orchestrator.executors.local.environment_files import EnvironmentFiles
from orchestrator.executors.local.leftovers import MARKER
from orchestrator.executors.local.survey import FoundDirectory, found_directories, is_held
from orchestrator.model.findings import Finding, Verdict
from orchestrator.model.ids import JobRunId, parse_job_run_id

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_PR_GET_CHILD_SUBREAPER: Final = 37
_TIME_ERROR: Final = 5
_TIMEX_BYTES: Final = 512  # more than struct timex has
_FEW_FILES: Final = 4096
_OPEN_FILES: Final = re.compile(r"Max open files\s+\S+\s+(\S+)")
_SOON_S: Final = 1.0
"""How long an end may take from the row to the last process."""
_NAMED: Final = 5
_MIB: Final = 1024 * 1024
_PLACE: Final = "ORCH_BOOKMARK_FILE"


def check_kernel() -> Iterator[Finding]:
    """Look at what starting, watching and ending runs needs of the kernel."""
    lacking = [what for what, has in _FEATURES.items() if not has()]
    if lacking:
        remedy = "Linux 5.4 or later, with CONFIG_PROC_CHILDREN"
        yield Finding("kernel", Verdict.FAIL, f"Linux {platform.release()} lacks {', '.join(lacking)}", remedy)
    else:
        yield Finding("kernel", Verdict.OK, f"Linux {platform.release()}: {', '.join(_FEATURES)}")


def check_time() -> Finding:
    """Look whether the kernel's clock is kept right by somebody. Source: adjtimex(2)."""
    timex = ctypes.create_string_buffer(_TIMEX_BYTES)
    if _LIBC.adjtimex(timex) != _TIME_ERROR:
        return Finding("time", Verdict.OK, "the clock is synchronised")
    return Finding("time", Verdict.WARN, "nobody synchronises the clock", "have NTP do it: schedules go by the clock")


def cgroups_of(pid: int | None) -> str:
    """Return the text of a process's cgroups; of our own for None. Empty where it is not to be had."""
    try:
        return Path(f"/proc/{pid or 'self'}/cgroup").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def check_cgroup(pid: int | None) -> Finding:
    """Tell the cgroup (version 2) of a process, our own for None, and which controllers it has."""
    whose = "this process" if pid is None else "the daemon"
    for line in cgroups_of(pid).splitlines():
        place = line.removeprefix("0::")
        if place != line and (mounted := _cgroup2()):
            folder = Path(f"{mounted}{place}")
            try:
                controllers = (folder / "cgroup.controllers").read_text(encoding="ascii").split()
            except OSError:
                continue
            is_ours = os.access(folder / "cgroup.procs", os.W_OK)
            told = (
                f"{folder} of {whose}: {' '.join(controllers) or 'no controllers'}; {'' if is_ours else 'not '}writable"
            )
            return Finding("cgroup", Verdict.OK, told)
    return Finding("cgroup", Verdict.WARN, "no cgroup of version 2", "limits hold for processes only, not for runs")


def check_open_files(pid: int) -> Finding:
    """Look at how many files the daemon may have open."""
    try:
        limits = Path(f"/proc/{pid}/limits").read_text(encoding="ascii")
    except OSError as error:
        return Finding("open files", Verdict.WARN, f"the daemon's limit cannot be read: {error.strerror}")
    match = _OPEN_FILES.search(limits)
    most = match[1] if match else "unknown"
    if most.isdigit() and int(most) < _FEW_FILES:
        return Finding(
            "open files", Verdict.WARN, f"the daemon may have {most} at once", "LimitNOFILE=65536 in its unit"
        )
    return Finding("open files", Verdict.OK, f"the daemon may have {most} at once")


def check_processes(runs: Path) -> Finding:
    """Look for processes that carry the mark of a run in `runs` which no live shim holds."""
    deadline = time.monotonic() + _SOON_S
    while (orphans := list(_orphans(runs))) and time.monotonic() < deadline:
        time.sleep(_SOON_S / 10)  # a run may be ending just now
    if not orphans:
        return Finding("processes", Verdict.OK, "every process of a run has a live shim")
    told = "; ".join(f"{pid} is of {run_id}" for pid, run_id in orphans[:_NAMED])
    pids = " ".join(str(pid) for pid, _ in orphans)
    return Finding("processes", Verdict.FAIL, f"{len(orphans)} have no shim any more: {told}", f"kill {pids}")


def check_runs(runs: Path, ended_of: Callable[[JobRunId], bool | None], *, within_s: float) -> Iterator[Finding]:
    """Look at the runs' directories, for `within_s` seconds at most.

    `ended_of` says whether a run has ended by the store; None where that does not know it.
    """
    until = time.monotonic() + within_s
    looked, unknown, late = 0, [], []
    for found in found_directories(runs):
        if time.monotonic() > until:
            told = f"only {looked} were looked at in {within_s:g} s"
            yield Finding("run directories", Verdict.WARN, told, "--patience looks for longer")
            break
        looked += 1
        has_ended = ended_of(found.run_id)
        if has_ended is None:
            unknown.append(found)
        elif has_ended and found.shim_pid is not None:
            late.append(found)
    if late:
        time.sleep(_SOON_S)
    stuck = [found for found in late if is_held(runs, found.run_id)]
    yield from _unknown(unknown)
    if stuck:
        told = f"{len(stuck)} runs have ended, and their shims live: {_names(stuck)}"
        pids = " ".join(str(found.shim_pid) for found in stuck)
        yield Finding("shims", Verdict.FAIL, told, f"kill {pids}")
    yield Finding("run directories", Verdict.OK, f"{looked} were looked at")


def check_environments(root: Path) -> Finding:
    """Look at the environments of modules, and at what makings have left."""
    files = EnvironmentFiles(root, lambda _: True)
    ready = [one for one in files.found() if one.place is not None]
    told = f"{len(ready)} of modules, {sum(one.stored_bytes for one in ready) / _MIB:,.0f} MiB"
    remains = len(list(files.remains()))
    if remains:
        return Finding("environments", Verdict.WARN, f"{told}; {remains} are remains", "orchestrator gc removes them")
    return Finding("environments", Verdict.OK, told)


def _unknown(unknown: list[FoundDirectory]) -> Iterator[Finding]:
    alive = [found for found in unknown if found.shim_pid is not None]
    if alive:
        pids = " ".join(str(found.shim_pid) for found in alive)
        told = f"{len(alive)} live runs are not in the database: {_names(alive)}"
        yield Finding("shims", Verdict.FAIL, told, f"wait for their ends, or stop them: kill {pids}")
    if len(unknown) > len(alive):
        told = f"{len(unknown) - len(alive)} are of runs that the database does not know"
        yield Finding("run directories", Verdict.WARN, told, "orchestrator gc removes them")


def _names(found: list[FoundDirectory]) -> str:
    return ", ".join(str(one.run_id) for one in found[:_NAMED])


def _orphans(runs: Path) -> Iterator[tuple[int, str]]:
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            is_alive = process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            continue
        run_id = parse_job_run_id(environment.get(MARKER, ""))
        is_here = environment.get(_PLACE, "").startswith(f"{runs}/")
        if run_id is not None and is_here and is_alive and not is_held(runs, run_id):
            yield process.pid, str(run_id)


def _cgroup2() -> str | None:
    mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    return next((line.split()[1] for line in mounts if line.split()[2] == "cgroup2"), None)


def _has_pidfds() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:
        return False
    return True


def _has_subreapers() -> bool:
    answer = ctypes.c_int()
    return bool(_LIBC.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(answer), 0, 0, 0) == 0)


def _has_lists_of_children() -> bool:
    return Path(f"/proc/self/task/{os.getpid()}/children").exists()


_FEATURES: Final[dict[str, Callable[[], bool]]] = {
    "pidfds": _has_pidfds,
    "child subreapers": _has_subreapers,
    "lists of children": _has_lists_of_children,
}

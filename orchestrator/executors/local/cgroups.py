"""The part of the kernel's cgroup tree that is ours: where each run gets a cgroup of its own (version 2).

A cgroup is ours if a service manager says so (Delegate=), or the settings. Beside the runs' there is one for the daemon and
the shims, because a cgroup that hands controllers on may hold no processes itself. For the same reason systemd could not start
the next daemon of a unit in it. So it is used where systemd puts daemons beside (DelegateSubgroup=daemon), or where the unit
says that it takes the controllers back when a daemon has ended (config/orchestrator.service).

Source: cgroups(7); systemd's "Control Group APIs and Delegation" (the attribute that marks what is delegated).
"""

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from orchestrator.model.ids import JobRunId, parse_job_run_id
from orchestrator.model.limits import CONTROLLERS

log = structlog.stdlib.get_logger()

AUTO: Final = "auto"
DELEGATED: Final = "delegated"
OFF: Final = "off"
_OWN: Final = "daemon"
_RUN: Final = "run-"
_DELEGATED: Final = ("user.delegate", "trusted.delegate")
_EMPTY_WITHIN_S: Final = 5.0
_LOOK_EVERY_S: Final = 0.01


@dataclass(frozen=True, slots=True)
class Cgroups:
    """A cgroup that is ours, and the controllers that limit runs in it."""

    path: Path
    controllers: frozenset[str]

    def of_run(self, run_id: JobRunId) -> Path:
        """Return where the run's own is, whether it is there or not."""
        return self.path / f"{_RUN}{run_id}"

    def sweep(self, run_id: JobRunId) -> None:
        """Kill what is left of a run that has no shim any more, and remove its cgroup. Blocks until all is gone."""
        _end(self.of_run(run_id))

    def clear(self, is_abandoned: Callable[[JobRunId], bool]) -> None:
        """Do that with all runs that have been abandoned: whose shims died between an end and its last step.

        What is not known to be is left alone: it may be another daemon's, with a state directory of its own.
        """
        for path in self.path.glob(f"{_RUN}*"):
            run_id = parse_job_run_id(path.name.removeprefix(_RUN))
            if run_id is not None and is_abandoned(run_id):
                _end(path)


def take(chosen: str) -> Cgroups | None:
    """Make our cgroup ready for runs; `chosen` is the setting: auto, delegated, off, or a directory. Blocks, for a moment.

    None where there is none, or it cannot be used, which is logged: then runs have limits by process only.
    """
    if chosen == OFF:
        return None
    path = Path(chosen) if chosen.startswith("/") else _delegated(is_taken_back=chosen == DELEGATED)
    if path is None:
        log.info("cgroups_not_used", reason="none is delegated to this daemon (see config/orchestrator.service)")
        return None
    try:
        _leave(path)
    except OSError as error:
        log.warning("cgroups_not_used", path=str(path), problem=str(error))
        return None
    controllers = frozenset(name for name in CONTROLLERS if _is_handed_on(path, name))
    log.info("cgroups_used", path=str(path), controllers=sorted(controllers))
    return Cgroups(path, controllers)


def _leave(path: Path) -> None:
    """Move this process below `path`; what it starts is there, too.

    Raises:
        OSError: it is not to be had, or no cgroup: elsewhere the kernel's files would be made as plain ones, and hold nothing.
    """
    if not (path / "cgroup.procs").exists():
        raise FileNotFoundError(errno.ENOENT, "no such cgroup")
    own = path / _OWN
    own.mkdir(exist_ok=True)
    (own / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")


def _is_handed_on(path: Path, controller: str) -> bool:
    """Say whether the runs' cgroups have the controller, having asked for it."""
    with suppress(OSError):  # it is not there, or another hierarchy has it
        (path / "cgroup.subtree_control").write_text(f"+{controller}", encoding="ascii")
    with suppress(OSError):
        return controller in (path / "cgroup.subtree_control").read_text(encoding="ascii").split()
    return False


def _delegated(*, is_taken_back: bool) -> Path | None:
    """Return the cgroup that the service manager has made for us and leaves alone."""
    own = _own()
    if own is None:
        return None
    if own.name == _OWN and _is_delegated(own.parent):
        return own.parent
    return own if is_taken_back and _is_delegated(own) else None


def _is_delegated(path: Path) -> bool:
    for name in _DELEGATED:
        with suppress(OSError):  # it has no such attribute, or only root may see those
            if os.getxattr(path, name) == b"1":
                return True
    return False


def _own() -> Path | None:
    """Return the cgroup of this process, where the unified hierarchy is mounted."""
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
        place = next(line.removeprefix("0::") for line in lines if line.startswith("0::"))
        mounts = (line.split() for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines())
        root = next(fields[4] for fields in mounts if fields[fields.index("-") + 1] == "cgroup2")
        path = Path(root + place)
        if str(os.getpid()) in (path / "cgroup.procs").read_text(encoding="ascii").split():
            return path
    return None


def _end(path: Path) -> None:
    """Kill until the kernel lets the cgroup be removed."""
    until = time.monotonic() + _EMPTY_WITHIN_S
    while True:
        with suppress(OSError):
            (path / "cgroup.kill").write_text("1", encoding="ascii")
        try:
            path.rmdir()
        except FileNotFoundError:
            return
        except OSError as error:
            if time.monotonic() > until:
                log.warning("cgroup_not_removed", path=str(path), problem=str(error))
                return
        else:
            return
        time.sleep(_LOOK_EVERY_S)

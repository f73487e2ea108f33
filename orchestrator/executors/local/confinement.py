"""What holds a script within bounds: its cgroup, the limits of its processes, its user, where it may lie.

Loaded by shim.py; standard library only. The daemon says what is to hold (model/limits.py, executors/users.py).

Source: cgroups(7), the kernel's cgroup-v2 document; credentials(7): a process that changes its user loses its
PR_SET_PDEATHSIG, so that is set afterwards.
"""

from __future__ import annotations

import contextlib
import os
import resource
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Fields = dict[str, Any]


class Group:
    """The cgroup of one run: all of its processes and nothing else is in it."""

    def __init__(self, path: str, files: dict[str, str]) -> None:
        """Name it. `files` are those that are to hold a limit, and the limits."""
        self._path = path
        self._files = files

    def make(self) -> None:
        """Make it, with its limits.

        Raises:
            OSError: there is no room for it, or it is not ours to make.
        """
        with contextlib.suppress(FileExistsError):
            os.mkdir(self._path)
        self.hold()

    def hold(self) -> None:
        """Write the limits that are not there: new ones, or those that went with a controller that was taken away for a while.

        Raises:
            OSError: the kernel refuses one.
        """
        for name, value in self._files.items():
            path = f"{self._path}/{name}"
            with contextlib.suppress(FileNotFoundError):  # just now without the controller; the next look may find it
                with open(path) as file:
                    is_held = file.read().strip() == value
                if not is_held:
                    _write(path, value)

    def join(self) -> None:
        """Take this process in, and with it all that it will start."""
        _write(f"{self._path}/cgroup.procs", "0")

    def kill(self) -> None:
        """Kill all that is in it; before Linux 5.14 that is left to who walks the tree."""
        with contextlib.suppress(OSError):
            _write(f"{self._path}/cgroup.kill", "1")

    def killed_for_memory(self) -> Fields | None:
        """Return which limit was reached, if the kernel counts that it killed for want of memory: evidence, or None."""
        counts = {}
        with contextlib.suppress(OSError, ValueError), open(f"{self._path}/memory.events") as file:
            counts = {name: int(count) for name, count in map(str.split, file)}
        if not counts.get("oom_kill"):
            return None
        limit = self._files.get("memory.max") if counts.get("oom") else None  # else the whole machine had none left
        return {"limit_bytes": int(limit) if limit else None}

    def remove(self) -> None:
        """Let it go when nothing is in it any more; what is left, the daemon removes."""
        with contextlib.suppress(OSError):
            os.rmdir(self._path)


def group_of(spec: Fields) -> Group | None:
    """Return the cgroup that the daemon has chosen for the run, if there is one."""
    limits = spec["limits"]
    return Group(limits["group"], limits["files"]) if limits["group"] else None


def limit_process(limits: Fields) -> None:
    """Set what a process inherits to all that it starts."""
    if limits["nice"]:
        os.nice(limits["nice"])
    if limits["data_bytes"] is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (limits["data_bytes"], limits["data_bytes"]))


def give_to(user: Fields, *paths: str) -> None:
    """Make files and directories the script's, whose user is not ours."""
    for path in paths:
        os.chown(path, user["uid"], user["gid"], follow_symlinks=False)


def become(user: Fields) -> None:
    """Be that user from here on, with no way back."""
    os.setgroups(user["groups"])
    os.setresgid(user["gid"], user["gid"], user["gid"])
    os.setresuid(user["uid"], user["uid"], user["uid"])


def check_script(path: str, rules: Fields) -> str:
    """Look at what will be executed; of a directory, also at the file in it that Python begins with.

    Returns the path to execute. Where there are rules that is the one behind all links, and nobody whom the rules do not
    trust can put another file there: what is looked at is what is executed.

    Raises:
        OSError: it cannot be read.
        PermissionError: it lies elsewhere than the settings allow, or somebody else could have changed it.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(descriptor)
        place = os.readlink(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
    if rules["roots"] and not any(place.startswith(f"{root.rstrip('/')}/") for root in rules["roots"]):
        raise PermissionError(0, f"{place} is in none of the directories that scripts may be in (script_roots)")
    if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
        raise PermissionError(0, "it is neither a file nor a directory")
    if status.st_mode & stat.S_IWOTH:
        raise PermissionError(0, "everybody may write to it")
    if rules["owner"] is not None and status.st_uid != rules["owner"]:
        raise PermissionError(0, f"it belongs to user {status.st_uid}, who would become user {rules['owner']} by it")
    is_ruled = bool(rules["roots"]) or rules["owner"] is not None
    if is_ruled:
        _check_folders(place, rules["owner"])
    if stat.S_ISDIR(status.st_mode):
        with contextlib.suppress(FileNotFoundError):  # which Python says itself
            check_script(f"{place}/__main__.py", rules)
    return place if is_ruled else path


def _check_folders(place: str, owner: int | None) -> None:
    """Look at the directories above a file, in which others could put another one into its place."""
    folder = place
    while folder != "/":
        folder = os.path.dirname(folder)
        status = os.stat(folder)
        may_all_remove = not status.st_mode & stat.S_ISVTX
        if status.st_mode & stat.S_IWOTH and may_all_remove:
            raise PermissionError(0, f"everybody may write to {folder}")
        if owner is None:
            continue
        if status.st_uid not in (0, owner):
            raise PermissionError(0, f"{folder} belongs to user {status.st_uid}, who could put another file there")
        if status.st_mode & stat.S_IWGRP and may_all_remove and status.st_gid != 0:
            raise PermissionError(0, f"group {status.st_gid} may write to {folder}, and could put another file there")


def _write(path: str, value: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)

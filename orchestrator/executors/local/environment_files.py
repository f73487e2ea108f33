"""The directory of environments as it lies there: which are ready, which runs use them, and what is left of makings.

    environments/<digest>/lock              held while one is made there
    environments/<digest>/ready.json        names the directory beside it that is an environment
    environments/<digest>/<name>/           that directory; another is what a making has left
    environments/<digest>/log               what the last making said
    environments/<digest>/uses/<run id>     a run that may use it

All functions block. Only one process removes anything: the daemon, or a command that holds the state directory instead.
"""

import fcntl
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, Final

from orchestrator.executors.local import removal
from orchestrator.executors.local.environment_maker import LOCK, LOG, READY, USES
from orchestrator.model.ids import JobRunId, parse_job_run_id

_PRIVATE: Final = 0o700
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_NAME: Final = re.compile(r"[0-9a-f]{16}")
_REMOVED: Final = ".removed."
_MAX_READY_BYTES: Final = 4 * 1024 * 1024
_SETTLING_S: Final = 10.0
"""So long a run that no daemon of now has heard of may take from its launch to its claim."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What there is for one set of modules."""

    folder: Path
    place: Path | None  # the environment; None: a making was cut off, or is under way
    stored_bytes: int
    used_at: float  # seconds since the epoch
    is_being_made: bool


class EnvironmentFiles:
    """The environments below one directory. `is_held` says whether a live shim holds a run."""

    def __init__(self, root: Path, is_held: Callable[[JobRunId], bool]) -> None:
        """Name the directory; nothing is created."""
        self.root = root
        self._is_held = is_held
        self._lent: set[JobRunId] = set()  # by this process, and not given back
        self._lock = Lock()  # a use is not noted while it is decided what goes

    def lend(self, digest: str, run_id: JobRunId) -> None:
        """Note that a run is to use what is ready there, or will be.

        Raises:
            OSError: the disk does not take it.
        """
        with self._lock:
            uses = self.root / digest / USES
            for folder in (self.root, self.root / digest, uses):
                with suppress(FileExistsError):
                    folder.mkdir(mode=_PRIVATE)
            (uses / str(run_id)).touch(mode=0o600)
            self._lent.add(run_id)
            with suppress(OSError):
                os.utime(self.root / digest / READY)

    def give_back(self, digest: str, run_id: JobRunId) -> None:
        """Note that a run uses nothing there any more."""
        with self._lock:
            self._lent.discard(run_id)
            with suppress(OSError):
                (self.root / digest / USES / str(run_id)).unlink()
                os.utime(self.root / digest / READY)

    def uses(self) -> Iterator[tuple[JobRunId, str]]:
        """Yield the runs that are noted, each with the digest of what it uses."""
        for folder in _folders(self.root):
            for path in _entries(folder / USES):
                run_id = parse_job_run_id(path.name)
                if run_id is not None and _DIGEST.fullmatch(folder.name):
                    yield run_id, folder.name

    def find(self, digest: str) -> Path | None:
        """Return the environment, if there is one."""
        fields = _ready(self.root / digest)
        return None if fields is None else self.root / digest / fields["name"]

    def let_through(self, digest: str) -> None:
        """Let scripts of other users get to the environment by its name.

        Raises:
            OSError: a directory on the way is not ours.
        """
        for folder in (self.root.parent, self.root, self.root / digest):
            mode = folder.stat().st_mode & 0o777
            if mode & 0o011 != 0o011:
                folder.chmod(mode | 0o011)

    def log_tail(self, digest: str, limit: int) -> bytes:
        """Return the end of what the last making said."""
        with suppress(OSError), (self.root / digest / LOG).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - limit))
            return file.read(limit)
        return b""

    def found(self) -> Iterator[Found]:
        """Yield all that is there."""
        for folder in _folders(self.root):
            if _DIGEST.fullmatch(folder.name):
                fields = _ready(folder)
                is_being_made = _is_locked(folder / LOCK)
                if fields is None:
                    yield Found(folder=folder, place=None, stored_bytes=0, used_at=0.0, is_being_made=is_being_made)
                else:
                    yield Found(
                        folder=folder,
                        place=folder / fields["name"],
                        stored_bytes=_bytes(fields),
                        used_at=_time_of(folder / READY),
                        is_being_made=is_being_made,
                    )

    def is_used(self, one: Found) -> bool:
        """Say whether a run uses it, or is about to."""
        return any(map(self._is_use, _entries(one.folder / USES)))

    def forget_uses(self, one: Found) -> None:
        """Remove the notes of runs that have ended while nobody looked."""
        with self._lock:
            for path in _entries(one.folder / USES):
                if not self._is_use(path):
                    with suppress(OSError):
                        path.unlink()

    def remove(self, one: Found) -> bool:
        """Remove it, unless it is used or being made; False then.

        Raises:
            OSError: not all could be removed; what is left is found as remains.
        """
        aside = self.root / f"{_REMOVED}{secrets.token_hex(8)}"
        with self._lock:
            if self.is_used(one) or _is_locked(one.folder / LOCK):
                return False
            one.folder.rename(aside)  # nobody finds it any more: what is left of it here is no environment
        return discard(aside)

    def remains(self) -> Iterator[Path]:
        """Yield what is of no use: what removals and makings that were cut off have left.

        What is there is listed before the lock is looked at, and that before the environment: so a making that begins or
        ends meanwhile is none.
        """
        for folder in _folders(self.root):
            if folder.name.startswith(_REMOVED):
                yield folder
            elif _DIGEST.fullmatch(folder.name):
                others = [path for path in _folders(folder) if _NAME.fullmatch(path.name)]
                if not _is_locked(folder / LOCK):
                    fields = _ready(folder)
                    yield from (path for path in others if fields is None or path.name != fields["name"])

    def _is_use(self, path: Path) -> bool:
        run_id = parse_job_run_id(path.name)
        if run_id is None:
            return False
        return run_id in self._lent or abs(time.time() - _time_of(path)) < _SETTLING_S or self._is_held(run_id)


def discard(path: Path) -> bool:
    """Remove a directory, whatever is in it.

    Raises:
        OSError: not all could be removed.
    """
    return removal.remove(path, last="", may=lambda _: True)


def _ready(folder: Path) -> dict[str, Any] | None:
    try:
        with (folder / READY).open("rb") as file:
            fields = json.loads(file.read(_MAX_READY_BYTES))
    except (OSError, ValueError):
        return None
    name = fields.get("name") if isinstance(fields, dict) else None
    is_one = isinstance(name, str) and _NAME.fullmatch(name) and (folder / name).is_dir()
    return fields if is_one else None


def _bytes(fields: dict[str, Any]) -> int:
    size = fields.get("bytes")
    return size if isinstance(size, int) else 0


def _time_of(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def _folders(path: Path) -> list[Path]:
    return [entry for entry in _entries(path) if entry.is_dir() and not entry.is_symlink()]


def _entries(path: Path) -> list[Path]:
    try:
        return sorted(path.iterdir())
    except OSError:
        return []


def _is_locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False

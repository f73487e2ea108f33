"""A run's directory: the mailbox between the daemon and the run's shim.

Its path is a function of the run's id alone. Files appear whole and are never rewritten. Who holds the lock on `claim`
is the run's shim; that a claim exists means that nobody else can ever start the run.
"""

import fcntl
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeGuard

from orchestrator.executors.interface import Ended, Lost, Revoked, Unclaimed
from orchestrator.executors.local import removal
from orchestrator.executors.local.run_files import FOREIGN, NOFOLLOW, UNREADABLE, read_json
from orchestrator.executors.local.run_logs import RunLogs
from orchestrator.model import endings
from orchestrator.model.ids import JobRunId

_PRIVATE: Final = 0o700
_PASSABLE: Final = 0o011
_LENT: Final = 0o750  # also executable: a script need not be Python's
SHARDS: Final = tuple(f"{number:02x}" for number in range(256))
"""Run directories lie in these, by the first digits of the run's id."""
_MAX_REASON_CHARS: Final = 2_000
_MAX_PID: Final = 1 << 22  # Linux gives no larger one
_RESERVE: Final = re.compile(r"(claim|ending)\.[0-9]+")


@dataclass(frozen=True, slots=True)
class Held:
    """The claim is locked by a live shim."""

    pid: int


def prepare(runs: Path, shards: Iterable[str] = SHARDS) -> None:
    """Make the directories that run directories are made in, durably: then no shim has to see to that.

    Raises:
        OSError: the disk does not take them.
    """
    runs.mkdir(mode=_PRIVATE, exist_ok=True)
    there = {path.name for path in runs.iterdir()}
    for shard in shards:
        if shard not in there:
            (runs / shard).mkdir(mode=_PRIVATE, exist_ok=True)
    descriptor = os.open(runs, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class RunDirectory:
    """The files of one run, seen from the daemon. All methods block."""

    def __init__(self, runs: Path, run_id: JobRunId) -> None:
        """Name the directory below `runs`; nothing is created."""
        text = str(run_id)
        self._name = f"{runs}/{text[3:5]}/{text}"
        self._run_id = text

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self._name)

    def create(self) -> None:
        """Make the directory, if it is not there. The shim makes it durable; `prepare` has done that for what is above."""
        try:
            os.mkdir(self._name, _PRIVATE)  # noqa: PTH102 - before every launch, and twice as quick
        except FileExistsError:
            if not self.path.is_dir():
                raise
        except FileNotFoundError:
            prepare(self.path.parents[1], [self.path.parent.name])
            self.path.mkdir(mode=_PRIVATE, exist_ok=True)

    def let_through(self) -> None:
        """Let a script that is another user's get to what is its own in here. All else stays ours, and unlisted.

        Raises:
            OSError: a directory on the way is not ours.
        """
        for path in [self.path, *self.path.parents[:3]]:  # the shard, the runs, the state directory
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & _PASSABLE != _PASSABLE:
                path.chmod(mode | _PASSABLE)

    def lend(self, name: str, gid: int) -> None:
        """Let a group read the directory `name` in here and all in it. They stay ours: nobody else can put anything in.

        Raises:
            OSError: it is not there, or not ours.
        """
        for folder, _, files in os.walk(self.path / name):
            for path in (folder, *(f"{folder}/{file}" for file in files)):
                os.chown(path, -1, gid)
                os.chmod(path, _LENT)  # noqa: PTH101 - as above

    def write_spec(self, spec: dict[str, Any]) -> None:
        """Lay down what the shim shall do; it appears whole."""
        self._write_whole("spec.json", spec)

    def look(self) -> Held | Unclaimed | Revoked | Ended | Lost:
        """Say what became of the run. The lock is tested before the ending is read: the other order could miss it."""
        try:
            return self._look()
        except PermissionError as error:  # a script may have locked its own run in
            try:
                self.path.chmod(_PRIVATE)
                return self._look()
            except OSError:
                return Lost(f"its claim cannot be read: {error.strerror}")
        except OSError as error:
            if error.errno in FOREIGN:
                return Lost(f"its claim cannot be read: {error.strerror}")
            raise

    def _look(self) -> Held | Unclaimed | Revoked | Ended | Lost:
        with self._open_claim() as claim:
            if claim is None:
                return Unclaimed()
            fields = read_json(claim)
            if fields is not None and fields.get("run_id", self._run_id) != self._run_id:
                return Lost("its claim is another run's")
            if _is_locked(claim):
                pid = fields.get("pid") if fields else None
                return Held(pid) if _is_pid(pid) else Lost("its claim cannot be read")
        if fields is not None and fields.get("by") == "revoked":
            return Revoked(_text(fields.get("reason")))
        ending = self._ending()
        if ending is not None:
            return Ended(ending)
        if fields is not None and fields.get("boot_id") != boot_id():
            return Lost("the host was restarted while the run was active")
        return Lost("its shim died")

    def is_held(self) -> bool:
        """Say whether a live shim holds the claim."""
        with self._open_claim() as claim:
            return claim is not None and _is_locked(claim)

    def claimed(self) -> tuple[int | None, int]:
        """Return the pid that the claim names, and the processor time (ms) of what its shim had waited for before.

        That is 0 where it is not said: shims of older versions did not.
        """
        with self._open_claim() as claim:
            fields = (None if claim is None else read_json(claim)) or {}
        pid, waited = fields.get("pid"), fields.get("waited_ms")
        return (pid if _is_pid(pid) else None), (waited if type(waited) is int and waited >= 0 else 0)

    def is_place_of(self, pid: int) -> bool:
        """Say whether a process works in this directory, as its shim does: whoever wrote the claim may have lied."""
        try:
            return Path(f"/proc/{pid}/cwd").samefile(self._name)
        except PermissionError:  # it has rights that we have no longer: then by its name, which all may read
            with suppress(OSError):
                return os.fsencode(self._name) in Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            pass
        return False

    def revoke(self, reason: str) -> bool:
        """Take the claim so that the run can never start, for a reason. False if somebody has it already.

        Raises:
            OSError: the disk does not take it now.
        """
        self.create()
        mine = self.path / f"claim.revoked.{os.getpid()}"
        try:
            fields = {"v": 1, "by": "revoked", "run_id": self._run_id, "reason": reason[:_MAX_REASON_CHARS]}
            mine.write_text(json.dumps(fields), encoding="ascii")
            os.link(mine, self.path / "claim")
        except FileExistsError:
            return False
        finally:
            mine.unlink(missing_ok=True)
        return True

    def drop_reserves(self) -> None:
        """Remove what dead shims had begun to write: half a megabyte each, reserved for endings that will not come."""
        with suppress(OSError):
            for path in self.path.iterdir():
                if _RESERVE.fullmatch(path.name):
                    path.unlink()

    @property
    def logs(self) -> RunLogs:
        """What its script writes."""
        return RunLogs(self.path)

    def stored_bytes(self) -> int:
        """Return how much room the files take. What cannot be looked at does not count."""
        return removal.stored_bytes(self.path)

    def discard(self) -> bool:
        """Remove the directory. False, having removed nothing, while the claim is locked.

        Raises:
            OSError: not all could be removed; what is left is removed by the next attempt.
        """
        return removal.remove(self.path, last="claim", may=self._is_free)

    def _is_free(self, directory: int) -> bool:
        """Say whether nobody holds the claim in `directory`; what is no claim of ours is nobody's."""
        try:
            descriptor = removal.opened("claim", directory, NOFOLLOW)
        except FileNotFoundError:
            return True
        except OSError as error:
            if error.errno in FOREIGN:
                return True
            raise
        try:
            return not _is_locked(descriptor)
        finally:
            os.close(descriptor)

    def _ending(self) -> endings.Ending | None:
        try:
            descriptor = os.open(f"{self._name}/ending.json", NOFOLLOW)
        except OSError as error:
            if error.errno in UNREADABLE:
                return None
            raise  # the daemon is short of descriptors, say: that tells nothing of the run
        try:
            fields = read_json(descriptor)
        finally:
            os.close(descriptor)
        if fields is None:
            return None
        try:
            return endings.parse(fields)
        except (KeyError, TypeError, ValueError):
            return None  # not a file of ours: how the script ended is unknown

    @contextmanager
    def _open_claim(self) -> Iterator[int | None]:
        try:
            descriptor = os.open(f"{self._name}/claim", NOFOLLOW)
        except FileNotFoundError:
            yield None
            return
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _write_whole(self, name: str, fields: dict[str, Any]) -> None:
        beside = self.path / f"{name}.{os.getpid()}"
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(fields, file, ensure_ascii=False)
            beside.rename(self.path / name)
        except BaseException:
            with suppress(OSError):
                beside.unlink()
            raise


def _text(value: object) -> str | None:
    """Return what is text that the store takes."""
    if isinstance(value, str):
        with suppress(UnicodeEncodeError):  # half a surrogate pair
            value.encode()
            return value
    return None


def boot_id() -> str:
    """Return the kernel's name for the time since the last start of this machine."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


def _is_pid(value: object) -> TypeGuard[int]:
    """Say whether a process can have this number: what cannot be one is not asked for as one."""
    return type(value) is int and 0 < value <= _MAX_PID


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two probes must not take each other for a shim
    except BlockingIOError:
        return True
    return False

"""Makes one environment of modules: a virtual environment on top of the interpreter that a job has. A process of its own.

The daemon executes this file by path with `python -I -S`, what is to be done at descriptor 3 (a file in memory, in which it
finds the result), and a pipe at 0 that ends when the daemon does: then this process ends what it has started, and itself.
Standard library only.

An environment is made in a directory of its own name, which no other making has, under the lock of its set of modules. It
is one from the moment in which `ready.json` names it, durably; until then nobody uses it, and the next making clears it
away. What is executed here, an installer and the packages' own build code, is executed as the user of the script.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import sys
import time
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

    Fields = dict[str, Any]

LIVENESS_FD = 0
SPEC_FD = 3
MAX_FD = 1 << 20
MAX_SPEC_BYTES = 16 * 1024 * 1024
READY = "ready.json"
LOCK = "lock"
LOG = "log"
USES = "uses"
KEPT = frozenset({READY, LOCK, LOG, USES})
TEMPORARY = "tmp"
PASSABLE = 0o711
LOOK_INTERVAL_S = 0.05
LIBC = ctypes.CDLL(None, use_errno=True)


def load(name: str) -> Any:
    """Import a file beside this one."""
    from importlib.machinery import SourceFileLoader  # noqa: PLC0415

    path = f"{os.path.dirname(os.path.abspath(__file__))}/{name}.py"
    module = type(sys)(f"orchestrator.executors.local.{name}")
    module.__file__ = path
    code = SourceFileLoader(module.__name__, path).get_code(module.__name__)
    exec(code, module.__dict__)  # type: ignore[arg-type]  # noqa: S102 - our own file
    return module


if TYPE_CHECKING:
    from orchestrator.executors.local import confinement, process_tree, removal
else:
    confinement, process_tree, removal = map(load, ("confinement", "process_tree", "removal"))


class UnmadeError(Exception):
    """The environment was not made; `why` is one of `failed`, `late`, `stopped`."""

    def __init__(self, why: str, sentence: str = "") -> None:
        """Keep both."""
        super().__init__(sentence)
        self.why = why


class Making:
    """One making, from the lock to the ready environment."""

    def __init__(self, spec: Fields, wake: int) -> None:
        """Begin with what the daemon asked for; `wake` is where signals arrive."""
        self.spec = spec
        self.folder = spec["folder"]
        self.place = f"{self.folder}/{spec['name']}"
        self.deadline = time.monotonic() + spec["timeout_s"]
        self._wake = wake
        self._poll = select.poll()
        self._poll.register(LIVENESS_FD, select.POLLIN)
        self._poll.register(wake, select.POLLIN)

    def make(self) -> None:
        """Make it, unless another process does so first.

        Raises:
            UnmadeError: it could not be made in time, or is not wanted any more.
            OSError: the disk does not take it.
        """
        lock = self._lock()
        try:
            if ready_name(self.folder) is not None:
                return
            self._clear()
            try:
                self._fill()
                self._finish()
            except BaseException:
                process_tree.kill_all()
                with contextlib.suppress(OSError):
                    self._clear()
                raise
        finally:
            os.close(lock)

    def _lock(self) -> int:
        """Return the locked descriptor of a lock that is still in its place."""
        while True:
            for folder in (os.path.dirname(self.folder), self.folder):
                with contextlib.suppress(FileExistsError):
                    os.mkdir(folder, 0o700)
                if self.spec["user"] is not None:
                    os.chmod(folder, PASSABLE)
            descriptor = os.open(f"{self.folder}/{LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.path.samestat(os.fstat(descriptor), os.stat(f"{self.folder}/{LOCK}")):
                    return descriptor
            except (BlockingIOError, FileNotFoundError):
                pass
            os.close(descriptor)
            self._pause(LOOK_INTERVAL_S)

    def _clear(self) -> None:
        """Remove what makings that were cut off have left."""
        for name in os.listdir(self.folder):
            if name not in KEPT:
                removal.remove(Path(f"{self.folder}/{name}"), last="", may=lambda _: True)

    def _fill(self) -> None:
        user, temporary = self.spec["user"], f"{self.place}/{TEMPORARY}"
        os.mkdir(self.place, 0o755)
        os.mkdir(temporary, 0o700)
        if user is not None:
            confinement.give_to(user, self.place, temporary)
        log = os.open(
            f"{self.folder}/{LOG}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            for ways in self.spec["steps"]:
                codes = (self._run(argv, log) for argv in ways)
                if 0 not in codes:
                    raise UnmadeError("failed")
        finally:
            os.close(log)
        process_tree.kill_all()
        removal.remove(Path(temporary), last="", may=lambda _: True)

    def _run(self, argv: list[str], log: int) -> int:
        """Run one program to its end; return its exit code."""
        maker = os.getpid()
        pid = os.fork()
        if pid == 0:
            self._become(argv, log, maker)
        while True:
            with contextlib.suppress(ChildProcessError):
                while (reaped := os.waitpid(-1, os.WNOHANG))[0]:
                    if reaped[0] == pid:
                        return os.waitstatus_to_exitcode(reaped[1])
            self._pause(None)

    def _become(self, argv: list[str], log: int, maker: int) -> NoReturn:
        """In the child: be that program, as the script's user."""
        try:
            process_tree.die_with(maker)
            null = os.open(os.devnull, os.O_RDONLY)
            for target, source in enumerate((null, log, log)):
                os.dup2(source, target)
            os.closerange(3, MAX_FD)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(number, signal.SIG_DFL)
            os.umask(0o022)
            if self.spec["user"] is not None:
                confinement.become(self.spec["user"])
                process_tree.die_with(maker)
            os.chdir(f"{self.place}/{TEMPORARY}")
            os.execve(argv[0], argv, self.spec["environment"])  # noqa: S606 - a shell is what arguments must never see
        except BaseException as error:  # noqa: BLE001 - nobody is above us to hear it
            os.write(2, f"{argv[0]} could not be executed: {error}\n".encode(errors="replace"))
        os._exit(process_tree.EXIT_NOT_EXECUTED)

    def _pause(self, for_s: float | None) -> None:
        """Wait for a signal, or so long.

        Raises:
            UnmadeError: time is up, or nobody wants the environment any more.
        """
        left_s = self.deadline - time.monotonic()
        if left_s <= 0:
            raise UnmadeError("late")
        for descriptor, _ in self._poll.poll(1000 * (left_s if for_s is None else min(left_s, for_s))):
            if descriptor == LIVENESS_FD or signal.SIGTERM in os.read(self._wake, 4096):
                raise UnmadeError("stopped")

    def _finish(self) -> None:
        """Make it durable, and then an environment."""
        if self.spec["user"] is not None:
            seal(self.place, self.spec["user"]["gid"])
        fields = {
            "v": 1,
            "name": self.spec["name"],
            "bytes": removal.stored_bytes(Path(self.place)),
            "made_at_ms": round(time.time() * 1000),
            **self.spec["told"],
        }
        beside = f"{self.folder}/{READY}.new"
        folder = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(fields, file)
            if LIBC.syncfs(folder) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
            os.rename(beside, f"{self.folder}/{READY}")
            os.fsync(folder)
        finally:
            os.close(folder)


def ready_name(folder: str) -> str | None:
    """Return the name of the environment in `folder` that is one."""
    try:
        with open(f"{folder}/{READY}", encoding="utf-8") as file:
            name = json.load(file)["name"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) and os.path.isdir(f"{folder}/{name}") else None


def seal(place: str, gid: int) -> None:
    """Take it from the user who made it: his scripts shall read it, and none of them change it for the others."""
    uid = os.geteuid()
    for folder, folders, files, descriptor in os.fwalk(place):
        os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, 0o750 if folder == place else 0o755)
        for name in (*folders, *files):
            os.chown(name, uid, gid, dir_fd=descriptor, follow_symlinks=False)
            mode = os.stat(name, dir_fd=descriptor, follow_symlinks=False).st_mode
            if mode & 0o170000 == 0o100000:
                os.chmod(name, mode & 0o755, dir_fd=descriptor)


def main() -> int:
    """Make what descriptor 3 asks for, and leave there how it went."""
    os.closerange(SPEC_FD + 1, MAX_FD)
    os.set_inheritable(SPEC_FD, False)
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    process_tree.adopt_orphans()
    result: Fields = {"why": None, "problem": ""}
    try:
        Making(json.loads(os.pread(SPEC_FD, MAX_SPEC_BYTES, 0)), reading).make()
    except UnmadeError as error:
        result = {"why": error.why, "problem": str(error)}
    except OSError as error:
        result = {"why": "failed", "problem": str(error)}
    os.ftruncate(SPEC_FD, 0)
    os.pwrite(SPEC_FD, json.dumps(result).encode(), 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())

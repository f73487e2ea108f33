"""What a template must be to be forked for scripts: free of what a fork breaks, and as new as what it has imported.

Loaded by spawn_server.py; standard library only.

Source: pthreads(7) and fork(2): of all threads only the one that forks is in the child.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import sysconfig

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    Mark = tuple[int, int, int]

FORK_TEST_WITHIN_S = 10
OLDEST_PYTHON = (3, 10)


def problem_of(names: Iterable[str], own_fds: Iterable[int]) -> str | None:
    """Return why this process cannot be forked for scripts, now that `names` are imported."""
    listed = ", ".join(names) or "the interpreter's own start"
    if sys.version_info < OLDEST_PYTHON:
        return f"Python {sys.version_info[0]}.{sys.version_info[1]} is too old; {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} is the oldest"
    left = _left_behind(set(own_fds))
    if left is not None:
        return f"{listed} left {left} behind, which a fork would break"
    threads = len(os.listdir("/proc/self/task"))
    if threads == 1:
        return None
    known = [name for name in _FORK_TESTS if name in sys.modules]
    if not known:
        return f"{listed} left {threads - 1} native threads behind, of a library that is not known to survive a fork"
    for name in known:
        problem = _problem_after_fork(name)
        if problem is not None:
            return problem
    return None


def _left_behind(own_fds: set[int]) -> str | None:
    threading = sys.modules.get("threading")
    if threading is not None and threading.active_count() > 1:
        names = ", ".join(thread.name for thread in threading.enumerate() if thread is not threading.main_thread())
        return f"Python threads ({names})"
    import _thread  # noqa: PLC0415

    if _thread._count() > 0:  # noqa: SLF001 - those that were started without the module `threading`
        return "Python threads"
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # the one that lists
            target = os.readlink(f"/proc/self/fd/{name}")
            if int(name) not in own_fds:
                return f"an open {'socket' if target.startswith('socket:') else 'file descriptor'} ({target})"
    with open("/proc/self/maps") as file:
        if any("libjvm.so" in line for line in file):
            return "a Java virtual machine"
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/children") as file:
            if file.read().strip():
                return "child processes"
    return None


def _use_numpy() -> None:
    numpy = sys.modules["numpy"]
    square = numpy.ones((512, 512))  # large enough for BLAS to share the work out
    assert float((square @ square)[0, 0]) == 512.0  # noqa: S101


def _use_pyarrow() -> None:
    compute = __import__("pyarrow.compute").compute
    column = sys.modules["pyarrow"].chunked_array([list(range(1000))] * 64)
    assert compute.sum(column).as_py() == 64 * 499_500  # noqa: S101
    table = sys.modules["pyarrow"].table({"key": column, "value": column})
    assert table.group_by("key").aggregate([("value", "sum")]).num_rows == 1000  # noqa: S101 - on Arrow's own threads


_FORK_TESTS: dict[str, Callable[[], None]] = {"numpy": _use_numpy, "pyarrow": _use_pyarrow}
"""Libraries with threads of their own that are known to survive a fork; each time, it is tried."""


def _problem_after_fork(name: str) -> str | None:
    """Use a library in a forked process; return what went wrong there."""
    pid = os.fork()
    if pid == 0:
        try:
            _FORK_TESTS[name]()
        except BaseException:  # noqa: BLE001 - told by the exit code
            os._exit(1)
        os._exit(0)
    pidfd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(pidfd, select.POLLIN)
        is_over = bool(poll.poll(FORK_TEST_WITHIN_S * 1000))
        if not is_over:
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        status = os.waitpid(pid, 0)[1]
    finally:
        os.close(pidfd)
    if not is_over:
        return f"{name} hangs after a fork"
    return f"{name} fails after a fork" if status else None


class Freshness:
    """Whether what was imported is still what an import would find."""

    def __init__(self) -> None:
        """Remember what the interpreter, its directories of packages, and modules outside of those look like now."""
        directories = [path for path in sys.path if os.path.isdir(path)]
        self._entries = {path: _entries(path) for path in directories}
        self._seen = {path: _mark(path) for path in [sys.executable, *directories, *_own_files()]}

    def is_lost(self) -> bool:
        """Say whether something has changed since."""
        return any(mark != self._seen[path] and not self._is_same(path, mark) for path, mark in self._marks())

    def _marks(self) -> Iterator[tuple[str, Mark | None]]:
        for path in list(self._seen):
            yield path, _mark(path)

    def _is_same(self, path: str, mark: Mark | None) -> bool:
        """Say whether a directory's new time means nothing: a first import has made its __pycache__."""
        if mark is None or path not in self._entries or _entries(path) != self._entries[path]:
            return False
        self._seen[path] = mark
        return True


def _entries(path: str) -> dict[str, Mark | None]:
    """Return what a directory holds that can be imported, or says what is installed."""
    try:
        names = os.listdir(path)
    except OSError:
        return {}
    return {name: _mark_of_entry(os.path.join(path, name)) for name in names if name != "__pycache__"}


def _own_files() -> list[str]:
    """Return the files of imported modules that no installer keeps: somebody edits these in place."""
    installed = installed_places()
    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    return [file for file in files if file and not file.startswith(installed)]


def installed_places() -> tuple[str, ...]:
    """Return where modules are that an installer keeps."""
    places = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    places += [entry for entry in sys.path if entry.endswith(("/site-packages", "/dist-packages"))]  # of another prefix
    return tuple(filter(None, dict.fromkeys(places)))


def _mark(path: str) -> Mark | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return (status.st_ino, status.st_mtime_ns, status.st_size)


def _mark_of_entry(path: str) -> Mark | None:
    """Return the same, but of a directory only which it is: its time changes with a first import from it (__pycache__)."""
    mark = _mark(path)
    return (mark[0], 0, 0) if mark is not None and os.path.isdir(path) else mark

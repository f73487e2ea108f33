"""The shim: one small process per run that starts the script, stays its parent, and writes down how it ended.

It imports the standard library only, and outlives the daemon. The spawn server forks it (spawn_server.py); where there is
none, the daemon executes this file by path with `python -I -S`. What it promises:

* The script starts at most once, ever: the shim first links a flocked, fsynced file to `claim`, and only one link can
  succeed. The lock is held as long as the shim lives; it is the shim's identity.
* No process of the run is left when the ending is written: the shim is the subreaper of its descendants and waits
  until the kernel says that it has none (ECHILD).
* The ending is sealed: written whole, fsynced, renamed. A full disk is waited out, with the lock held.
* Stop (SIGTERM to the shim) and Timeout need no daemon: TERM to the tree, a grace time, KILL.

What bounds the script is in confinement.py, its processes in process_tree.py, its logs in script_output.py. Files in the
run directory: spec.json (read, where it was executed), claim, stdout.log, stderr.log and beside each of them its .times,
work/, tmp/, bookmark/state (given to the script and read back), ending.json (the last thing written).
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import contextlib
import ctypes
import errno
import fcntl
import json
import os
import resource
import select
import signal
import stat
import sys
import time

TYPE_CHECKING = False  # the module `typing` takes longer to import than the rest of this file to run
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, NoReturn

    Fields = dict[str, Any]
    Execute = Callable[[Fields, Callable[[], None]], NoReturn]
    Mark = tuple[int, int, int]

NOTICES_FD = 3  # where the daemon listens to all shims
EXIT_CLAIMED_BY_ANOTHER = 3
EXIT_REFUSED = 4
EXIT_UNHEARD = 5
MAX_FD = 1 << 20
RESERVE_BYTES = 640 * 1024  # a bookmark and a tail of stderr of control characters, six bytes each, and the rest
BOOKMARK_MAX_BYTES = 64 * 1024
# What a daemon asks for that is older than this file.
UNBOUND: Fields = {
    "limits": {"group": None, "files": {}, "nice": 0, "data_bytes": None},
    "user": None,
    "script_rules": {"roots": [], "owner": None},
}
BOOKMARKS = ("bookmark/state", "bookmark/to")
STDERR_TAIL_BYTES = 32 * 1024
NOTICE_MAX_BYTES = 4096
FIRST_SAMPLE_S = 0.2
SAMPLE_INTERVAL_S = 1.0
RETRY_INTERVAL_S = 1.0
SCRIPT_OOM_SCORE_ADJ = b"500"
SCRIPT_UMASK = 0o022  # the daemon's own is stricter; what a script writes is its user's to share
LIBC = ctypes.CDLL(None, use_errno=True)
# What wait4(2) writes; not os.wait4, which imports the module `resource` under the eyes of warm scripts.
STATUS = ctypes.c_int()
USAGE = (ctypes.c_long * 18)()  # struct rusage
# By number, for the module `signal` makes enumerations of everything, each time.
DEFAULT, IGNORE = int(signal.SIG_DFL), int(signal.SIG_IGN)
HEEDED = (int(signal.SIGTERM), int(signal.SIGCHLD))
IGNORED = tuple(
    map(int, (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGPIPE))
)
CHANGED = (*HEEDED, *IGNORED, int(signal.SIGXFSZ))  # the last by Python, when it starts

_CRASH_AT = dict(point.partition(":")[::2] for point in os.environ.get("ORCHESTRATOR_CRASH_AT", "").split(","))
_CRASH_LOG = os.environ.get("ORCHESTRATOR_CRASH_LOG", "")
_reached: list[str] = []


def load(name: str) -> Any:
    """Import a file beside this one, without a trace in sys.modules; it may be executed by path, and find no package."""
    path = f"{__file__.rpartition('/')[0]}/{name}.py"
    module = type(sys)(f"orchestrator.executors.local.{name}")
    module.__file__ = path
    code = sys.modules["_frozen_importlib_external"].SourceFileLoader(module.__name__, path).get_code(module.__name__)
    exec(code, module.__dict__)  # noqa: S102 - our own file
    return module


if TYPE_CHECKING:
    from orchestrator.executors.local import confinement, process_tree, script_output
else:
    confinement, process_tree, script_output = map(load, ("confinement", "process_tree", "script_output"))


def reach(point: str) -> None:
    """Be a point at which tests can kill this process (see orchestrator/reach.py).

    Each process counts for itself: what one that is forked inherits are the server's points, which it never passes.
    """
    if _CRASH_LOG:
        with open(_CRASH_LOG, "a") as log:
            log.write(point + "\n")
    if point in _CRASH_AT:
        _reached.append(point)
        if _CRASH_AT[point] == "stop":
            os.kill(os.getpid(), signal.SIGSTOP)
        elif _reached.count(point) == int(_CRASH_AT[point] or 1):
            os.kill(os.getpid(), signal.SIGKILL)


class Run:
    """One run, from the claim to the ending."""

    def __init__(self, spec: Fields) -> None:
        """Begin with what the daemon asked for."""
        self.spec = spec = {**UNBOUND, **spec}
        self.reason: str | None = None
        self.problem: str | None = None
        self.script: int | None = None  # its pid while it may be alive
        self.status: int | None = None
        self.started_at = 0.0
        self.wall_ms: int | None = None
        self.kill_at: float | None = None  # when the grace time of the stop ladder ends
        self.peak_process_bytes = 0
        self.peak_tree_bytes = 0
        self.cpu_s = 0.0
        self.bookmark_mark: Mark | None = None
        self.logs: list[script_output.Log] = []
        self.group = confinement.group_of(spec)
        self.killed_for_memory: Fields | None = None

    def begin_ladder(self) -> None:
        """Ask every process of the run to end, and set the time at which it is made to."""
        if self.kill_at is None:
            self.kill_at = script_output.clock() + self.spec["stop_grace_s"]
            process_tree.signal_all(signal.SIGTERM)

    def stop_for(self, reason: str) -> None:
        """Begin to end the script, if it has not ended by itself."""
        if self.script is not None and self.reason is None:
            self.reason = reason
        self.begin_ladder()

    def reap(self) -> bool:
        """Collect who died. Returns whether a child is left."""
        while True:
            pid = LIBC.wait4(-1, ctypes.byref(STATUS), os.WNOHANG, USAGE)
            if pid < 0:
                return False
            if pid == 0:
                return True
            user_s, user_us, system_s, system_us, peak_kib, *_ = USAGE
            self.cpu_s += user_s + system_s + (user_us + system_us) / 1e6
            self.peak_process_bytes = max(self.peak_process_bytes, peak_kib * 1024)
            if pid == self.script:
                self.script = None
                self.status = STATUS.value
                self.wall_ms = round((script_output.clock() - self.started_at) * 1000)
                reach("shim.script_reaped")

    def kill(self) -> None:
        """Kill every process of the run that there is now."""
        if self.group is not None:
            self.group.kill()
        process_tree.signal_all(signal.SIGKILL)

    def look_after(self) -> None:
        """Do what is due about once a second: measure, and see to the limits."""
        self._sample()
        if self.group is not None:
            with contextlib.suppress(OSError):  # the next look may write them
                self.group.hold()

    def _sample(self) -> None:
        """Measure the resident memory of all processes of the run together."""
        total = 0
        for pid in process_tree.pids():
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{pid}/statm", "rb") as statm:
                total += int(statm.read().split()[1]) * resource.getpagesize()
        self.peak_tree_bytes = max(self.peak_tree_bytes, total)


def main() -> int:
    """Run what the run directory in argv[1] asks for."""
    os.closerange(NOTICES_FD + 1, MAX_FD)
    os.set_inheritable(NOTICES_FD, False)
    return attend(sys.argv[1], become_shim())


def become_shim() -> int:
    """Take the place of a shim in the world, for all runs that this process will serve; return where signals arrive."""
    wake = watch_signals()
    with contextlib.suppress(PermissionError):
        os.setsid()
    return wake


def attend(directory: str, wake: int, spec: Fields | None = None, execute: Execute | None = None) -> int:
    """Be the shim of one run, from the claim to the ending; return 0 if all went well and the daemon knows.

    Otherwise this process is to end with that code. Without a `spec` it is read from the directory. `execute` takes the
    script's place in the forked child: the default executes its interpreter.
    """
    run_id = os.path.basename(directory)
    reach("shim.begun")
    reserve_name = f"ending.{os.getpid()}"
    try:
        os.chdir(directory)
        if spec is None:
            with open("spec.json", "rb") as file:
                spec = json.load(file)
        reserve(reserve_name)
        lock = claim(spec)
    except FileExistsError:
        with contextlib.suppress(OSError):
            os.unlink(reserve_name)
        notify(run_id, "claimed")
        return EXIT_CLAIMED_BY_ANOTHER
    except (OSError, ValueError) as error:
        notify(run_id, "refused", str(error))
        return EXIT_REFUSED
    run = Run(spec)
    try:
        start(run, execute or execute_cold)
        if run.script is not None:
            wait(run, wake)
    finally:
        if run.group is not None:
            run.group.kill()
        process_tree.kill_all()  # nothing to do after a regular end; after a bug of ours, the least we owe
    if run.group is not None:
        run.killed_for_memory = run.group.killed_for_memory()
        run.group.remove()
    notify(run_id, "over")
    reach("shim.tree_dead")
    for log in run.logs:
        log.pump()
        log.close()
    seal(ending(run), reserve_name)
    os.close(lock)  # nothing is left to be held: who is told now need not wait until this process has been taken down
    is_told = notify(run_id, "ended")
    reach("shim.ended")
    if run.problem is not None:
        return EXIT_REFUSED
    return 0 if is_told else EXIT_UNHEARD


def watch_signals() -> int:
    """Turn signals into bytes on a pipe, from before the claim on: a stop may come right after it."""
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    os.set_blocking(writing, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in HEEDED:
        _signal.signal(number, lambda *_: None)
    for number in IGNORED:
        _signal.signal(number, IGNORE)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return reading


def reserve(name: str) -> None:
    """Take the disk space of the ending now, so that a full disk refuses the start and not the result."""
    descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        os.posix_fallocate(descriptor, 0, RESERVE_BYTES)
    finally:
        os.close(descriptor)
    reach("shim.reserved")


def claim(spec: Fields) -> int:
    """Make the run ours, durably, or raise FileExistsError. The descriptor stays open and locked until we die."""
    name = f"claim.{os.getpid()}"
    descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fields = {
        "v": 1,
        "by": "shim",
        "run_id": spec["run_id"],
        "pid": os.getpid(),
        "boot_id": boot_id(),
        "waited_ms": waited_ms(),
    }
    script_output.write_all(descriptor, json.dumps(fields).encode())
    os.fsync(descriptor)
    reach("shim.claim_written")
    try:
        os.link(name, "claim")
    finally:
        os.unlink(name)
    reach("shim.claimed")
    sync_directory(".")
    sync_directory("..")  # what is above it was made durable when it was made
    reach("shim.claim_durable")
    return descriptor


def waited_ms() -> int:
    """Return the processor time of all that this process has waited for: what the kernel counts for it goes over all runs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round((used.ru_utime + used.ru_stime) * 1000)


def boot_id() -> str:
    """Return the kernel's name for the time since the last start of this machine: one read serves all shims of a server."""
    if not _boot_id:
        with open("/proc/sys/kernel/random/boot_id") as file:
            _boot_id.append(file.read().strip())
    return _boot_id[0]


_boot_id: list[str] = []


def start(run: Run, execute: Execute) -> None:
    """Start the script; when this returns it runs, or `run` says why it does not."""
    spec = run.spec
    try:
        process_tree.adopt_orphans()
        for name in ("work", "tmp", "bookmark"):
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o700)
        give_bookmark(run)
        if spec["user"] is not None:
            confinement.give_to(spec["user"], "work", "tmp", "bookmark", *filter(os.path.lexists, BOOKMARKS))
        if run.group is not None:
            run.group.make()
        run.logs = [
            script_output.Log("stdout.log", spec["log_limit_bytes"]),
            script_output.Log("stderr.log", spec["log_limit_bytes"], keep_tail_bytes=STDERR_TAIL_BYTES),
        ]
        reach("shim.prepared")
        trouble, trouble_sink = os.pipe()
        run.started_at = script_output.clock()
        shim = os.getpid()
        pid = os.fork()
        if pid == 0:
            become_script(run, [log.sink for log in run.logs], trouble_sink, shim, execute)
        run.script = pid
    except OSError as error:
        run.reason, run.problem = "not_started", f"The script could not be started: {error}"
        return
    reach("shim.forked")
    os.close(trouble_sink)
    for log in run.logs:
        os.close(log.sink)
    problem = b""
    while said := os.read(trouble, 4096):  # it ends when the script begins, or with what went wrong
        problem += said
    os.close(trouble)
    if problem:
        run.reason, run.problem = "not_started", problem.decode(errors="replace")
        run.script = None
        return
    reach("shim.started")
    notify(spec["run_id"], "started")
    reach("shim.announced")


def become_script(run: Run, sinks: list[int], trouble: int, shim: int, execute: Execute) -> NoReturn:
    """In the child: take the script's place in the world and execute it. Never returns."""
    spec, subject = run.spec, None
    try:
        os.setpgid(0, 0)
        process_tree.die_with(shim)
        reach("shim.child")
        signal.set_wakeup_fd(-1)
        for number in CHANGED:  # the others are as the daemon set them: at their defaults
            _signal.signal(number, DEFAULT)
        with contextlib.suppress(OSError):
            score = os.open("/proc/self/oom_score_adj", os.O_WRONLY)
            try:
                os.write(score, SCRIPT_OOM_SCORE_ADJ)
            finally:
                os.close(score)
        null = os.open(os.devnull, os.O_RDONLY)
        trouble = fcntl.fcntl(trouble, fcntl.F_DUPFD_CLOEXEC, 64)
        for target, source in enumerate((null, *sinks)):
            os.dup2(source, target)
        os.closerange(3, trouble)
        os.closerange(trouble + 1, MAX_FD)
        os.umask(SCRIPT_UMASK)
        most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (spec["open_files_limit"], most_files))
        if run.group is not None:
            subject = spec["limits"]["group"]
            run.group.join()
        confinement.limit_process(spec["limits"])
        if spec["user"] is not None:
            subject = spec["user"]["name"]
            confinement.become(spec["user"])
            process_tree.die_with(shim)
        subject = spec["work"]
        os.chdir(subject)
        subject = spec["script"]
        # An interpreter would say less of a missing file.
        place = confinement.check_script(subject, spec["script_rules"])
        if place != subject:
            spec["argv"][spec["argv"].index(subject)] = place
        subject = spec["argv"][0]
        execute(spec, lambda: os.close(trouble))
    except BaseException as error:  # noqa: BLE001 - nobody is above us to hear it
        problem = repr(error)
        if isinstance(error, OSError):
            subject = missing_interpreter(str(subject)) if error.errno == errno.ENOENT else subject
            prefix = f"[Errno {error.errno}] " if error.errno else ""  # 0: what we say ourselves
            problem = f"{prefix}{error.strerror}: {subject!r}"
        with contextlib.suppress(OSError):
            os.write(trouble, f"The script could not be started: {problem}".encode())
    os._exit(process_tree.EXIT_NOT_EXECUTED)


def execute_cold(spec: Fields, begin: Callable[[], None]) -> NoReturn:
    """Execute the interpreter, or the script itself; `begin` is what the kernel does at that moment (close-on-exec)."""
    del begin
    os.execve(spec["argv"][0], spec["argv"], spec["environment"])  # noqa: S606 - a shell is what arguments must never see


def missing_interpreter(path: str) -> str:
    """Return what really is not there: the interpreter in the first line of a script that is, else `path`."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        words: list[bytes] = file.readline(256).removeprefix(b"#!").split()
        file.seek(0)
        if words and file.read(2) == b"#!":
            return words[0].decode(errors="replace")
    return path


def wait(run: Run, wake: int) -> None:
    """Wait until no process of the run is left, keeping its output and climbing the stop ladder when it must."""
    poll = select.poll()
    poll.register(wake, select.POLLIN)
    for log in run.logs:
        poll.register(log.source, select.POLLIN)
    by_source = {log.source: log for log in run.logs}
    timeout_s = run.spec["timeout_s"]
    deadline: float | None = None if timeout_s is None else run.started_at + timeout_s
    sample_at = run.started_at + FIRST_SAMPLE_S
    stop_asked = False
    while run.reap():
        if run.script is None or stop_asked:  # the script is gone and others are left, or somebody wants it gone
            run.stop_for("stopped")
        now = script_output.clock()
        if deadline is not None and now >= deadline:
            deadline = None
            run.stop_for("timed_out")
        if run.kill_at is not None and now >= run.kill_at:
            run.kill()
        if now >= sample_at:
            run.look_after()
            sample_at = now + SAMPLE_INTERVAL_S
        times = [sample_at] + [at for at in (deadline, run.kill_at) if at is not None and at > now]
        for descriptor, _ in poll.poll(max(0.0, (min(times) - now) * 1000)):
            if descriptor == wake:
                stop_asked |= signal.SIGTERM in os.read(wake, 4096)
            else:
                by_source[descriptor].pump()
                if not by_source[descriptor].is_open:
                    poll.unregister(descriptor)


def give_bookmark(run: Run) -> None:
    """Lay the bookmark before the script, and remember what the file looks like untouched."""
    given = run.spec["bookmark"]
    for name, text in zip(BOOKMARKS, (given["text"], given["to_text"]), strict=True):
        if text is not None:
            with open(name, "w", encoding="utf-8") as file:
                file.write(text)
    run.bookmark_mark = mark_of("bookmark/state")


def mark_of(path: str) -> Mark | None:
    """Return what changes when a file is written or replaced, or None where there is none."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return (status.st_ino, status.st_mtime_ns, status.st_size)


def take_bookmark(run: Run) -> Fields | None:
    """Return what the script left as its bookmark: read once, bounded, never following a link."""
    given = run.spec["bookmark"]
    if not given["is_written"]:
        return None
    result = {"base_version": given["version"], "text": None, "problem": None}
    mark = mark_of("bookmark/state")
    if mark is None or mark == run.bookmark_mark:
        return result
    try:
        descriptor = os.open("bookmark/state", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            result["problem"] = problem_of_bookmark(os.fstat(descriptor), run.spec["user"])
            if result["problem"] is not None:
                return result
            data = os.read(descriptor, BOOKMARK_MAX_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(data) > BOOKMARK_MAX_BYTES:
            result["problem"] = f"it is larger than {BOOKMARK_MAX_BYTES} bytes"
        elif b"\0" in data:
            result["problem"] = "it contains a NUL character"
        else:
            result["text"] = data.decode("utf-8")
    except UnicodeDecodeError:
        result["problem"] = "it is not UTF-8 text"
    except OSError as error:
        is_link = error.errno == errno.ELOOP
        result["problem"] = "it is a symbolic link" if is_link else f"it cannot be read: {error.strerror}"
    return result


def problem_of_bookmark(status: os.stat_result, user: Fields | None) -> str | None:
    """Say why a file is not taken as a bookmark: what is another user's must not get out under the script's name."""
    if not stat.S_ISREG(status.st_mode):
        return "it is not a regular file"
    if user is not None and status.st_uid != user["uid"]:
        return "it belongs to another user"
    return None


def ending(run: Run) -> Fields:
    """Return how the run ended."""
    has_run = run.reason != "not_started" and run.status is not None
    code = os.waitstatus_to_exitcode(run.status) if has_run and run.status is not None else None
    bookmark = take_bookmark(run)
    reach("shim.bookmark_read")
    return {
        "v": 1,
        "reason": run.reason or "exited",
        "problem": run.problem,
        "exit_code": code if code is not None and code >= 0 else None,
        "exit_signal": -code if code is not None and code < 0 else None,
        "wall_ms": run.wall_ms if has_run else None,
        "cpu_ms": round(run.cpu_s * 1000) if has_run else None,
        "peak_process_rss_bytes": run.peak_process_bytes if has_run else None,
        "peak_tree_rss_bytes": max(run.peak_tree_bytes, run.peak_process_bytes) if has_run else None,
        "stderr_tail": run.logs[-1].tail.decode(errors="replace") if run.logs else "",
        "bookmark": bookmark,
        "killed_for_memory": run.killed_for_memory,
        "log_bytes": sum(log.kept_bytes for log in run.logs),
        "ended_at_ms": round(time.time() * 1000),
    }


def seal(fields: Fields, reserve_name: str) -> None:
    """Put the ending where the daemon finds it, however long the disk needs to take it."""
    content = json.dumps(fields, ensure_ascii=False).encode()
    while True:
        try:
            descriptor = os.open(reserve_name, script_output.TO_WRITE, 0o600)
            try:
                script_output.write_all(descriptor, content)
                os.ftruncate(descriptor, len(content))
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            reach("shim.ending_written")
            os.rename(reserve_name, "ending.json")
            reach("shim.ending_renamed")
            sync_directory(".")
        except OSError:
            if os.stat(".").st_nlink == 0:
                return  # somebody removed the run directory: there is no place left for an ending
            with contextlib.suppress(OSError):
                os.chmod(".", 0o700)  # a script may have locked its own run in
            for name in (reserve_name, "ending.json"):
                set_aside(name)
            time.sleep(RETRY_INTERVAL_S)  # the result is in our memory and the lock is held: nothing is lost by waiting
        else:
            reach("shim.ending_durable")
            return


def set_aside(name: str) -> None:
    """Give way to the ending where a script has put what is no file: a pipe, a link, a directory."""
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(os.lstat(name).st_mode):
            os.rename(name, f"{name}.{time.time_ns()}")


def sync_directory(path: str) -> None:
    """Make the entries of a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def notify(run_id: str, word: str, more: str = "") -> bool:
    """Tell the daemon, if it still listens; one that does not read is not waited for, because it sees our end, too."""
    try:
        os.write(NOTICES_FD, f"{run_id} {os.getpid()} {word} {more}".encode(errors="replace")[:NOTICE_MAX_BYTES])
    except OSError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())

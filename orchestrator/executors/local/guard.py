"""The guard: keeps a daemon that a test wants, and ends it with all its runs when the test says so, or is gone itself.

Runs outlive their daemon, and a daemon outlives who started it; here neither may. The guard is executed by path with
`python -I -S`, as a child of the process that wants the daemon, the owner, in a session of its own. What it promises:

* It is the subreaper of all that comes from its daemon: spawn server, shims, scripts, and what these leave behind. None of
  them can get away from it, whatever sessions they make and whichever of their parents die.
* When its standard input ends, or has anything to read, or the owner is dead (pidfd), or at SIGTERM, it kills all of them
  until the kernel says that none is left. Then it removes the directory.
* Were it killed with SIGKILL itself, its daemon would end (--with-parent), and live runs would live on, as ever.

    guard.py OWNER_PID DIRECTORY COMMAND…

DIRECTORY must not be there yet; the guard makes it, with `daemon.log`, which has the command's output. A line on its standard
output says that the command ended, `ended <exit code>`, a negative one for a signal.
"""

import os
import select
import signal
import sys

sys.path.insert(0, __file__.rsplit("/", 4)[0])  # -I took ours off it

from orchestrator.executors.local import process_tree

LOG = "daemon.log"
_PRIVATE = 0o700


def main(words: list[str]) -> int:
    """Do as the module says; return the exit code: 0 when nothing is left, 1 if files are, 2 if there never was an owner."""
    owner, directory, *command = words
    pidfd = os.pidfd_open(int(owner))
    if os.getppid() != int(owner):  # dead already, and the number may be another's
        return 2
    woken = _wake_at_signals()
    process_tree.adopt_orphans()
    os.mkdir(directory, _PRIVATE)
    try:
        daemon, its_input = _start(command, f"{directory}/{LOG}")
        _watch(daemon, (0, pidfd), woken)
        os.close(its_input)
    finally:
        process_tree.kill_all()
        is_gone = _remove(directory)
    return 0 if is_gone else 1


def _wake_at_signals() -> int:
    """Let signals do no more than to make a descriptor readable; return it. Handlers, for what is ignored stays so in children."""
    readable, writable = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return readable


def _start(command: list[str], log: str) -> tuple[int, int]:
    """Start the daemon; return its pid, and the other end of its standard input, which ends with us."""
    readable, writable = os.pipe2(os.O_CLOEXEC)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    pid = os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_DUP2, readable, 0),
            (os.POSIX_SPAWN_OPEN, 1, log, flags, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
    )
    os.close(readable)
    return pid, writable


def _watch(daemon: int, ends: tuple[int, ...], woken: int) -> None:
    """Return when one of `ends` is readable, or SIGTERM came. Until then reap what ends, and tell of the daemon's end."""
    poll = select.poll()
    for descriptor in (*ends, woken):
        poll.register(descriptor, select.POLLIN)
    while True:
        ready = {descriptor for descriptor, _ in poll.poll()}
        if ready.intersection(ends):
            return
        if signal.SIGTERM in os.read(woken, 4096):
            return
        _reap(daemon)


def _reap(daemon: int) -> None:
    try:
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == daemon:
                _tell(f"ended {os.waitstatus_to_exitcode(ended[1])}\n")
    except ChildProcessError:
        return


def _tell(line: str) -> None:
    try:
        os.write(1, line.encode())
    except OSError:  # the owner is gone, which we are about to see
        return


def _remove(directory: str) -> bool:
    """Remove it with all that scripts have put there; say whether it is gone."""
    from pathlib import Path  # noqa: PLC0415 - takes longer to import than the rest, and is needed at the end only

    from orchestrator.executors.local import removal  # noqa: PLC0415

    try:
        return removal.remove(Path(directory), last=LOG, may=lambda _: True)
    except OSError as error:
        _tell(f"left {directory}: {error}\n")
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Daemons forked from an interpreter that has imported them: for tests that start thousands, where an import is what takes long.

One that is forked is a process like one that is executed: it has its own session, directory, environment and files, and
goes through `main` with its arguments. Only its words in /proc are the nursery's, so nobody finds it by these.
"""

import array
import gc
import importlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

_MODULE: Final = "orchestrator"
_MOST_BYTES: Final = 1 << 16
_STANDARD: Final = (0, 1, 2)


class Nursery:
    """The process that forks daemons; it ends when the process that made it does."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Start it with the environment in which a daemon would be executed."""
        self._lock = threading.Lock()
        self._python_path = environment.get("PYTHONPATH")
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            argv = [sys.executable, "-m", "tests.support.nursery", str(theirs.fileno())]
            self._process = subprocess.Popen(
                argv, env=environment, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
            )

    def close(self) -> None:
        """End it. The daemons go on."""
        self._ours.close()
        self._process.wait(timeout=20)

    def popen(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path,
        stdin: int,
        stdout: Any,
        stderr: Any,
        start_new_session: bool,
    ) -> "Forked | subprocess.Popen[bytes]":
        """Start `python -m orchestrator …` as subprocess.Popen would, in a session of its own.

        One that shall import something else is executed.
        """
        if env.get("PYTHONPATH") != self._python_path:
            return subprocess.Popen(
                argv,
                env=env,
                cwd=cwd,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=start_new_session,
            )
        assert start_new_session
        assert argv[:3] == [sys.executable, "-m", _MODULE]
        assert stdin == subprocess.DEVNULL
        with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - what subprocess.DEVNULL stands for
            files = array.array("i", [nothing.fileno(), stdout.fileno(), stderr.fileno()])
            asked = {"arguments": argv[3:], "environment": dict(env), "directory": str(cwd)}
            return Forked(self, self.ask(asked, [(socket.SOL_SOCKET, socket.SCM_RIGHTS, files)]))

    def ask(self, asked: Mapping[str, Any], files: Sequence[tuple[int, int, Any]] = ()) -> Any:
        """Ask it for something; return the answer."""
        with self._lock:
            self._ours.sendmsg([json.dumps(asked).encode()], files)
            return json.loads(self._ours.recv(_MOST_BYTES))


class Forked:
    """A daemon that was forked, with what the tests want of a subprocess.Popen."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        """Keep hold of it: nobody but us asks for its end, so its pid stays its own until then."""
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery

    def poll(self) -> int | None:
        """Return how it ended, as subprocess.Popen does; None: it lives."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"reap": self.pid})
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Wait for its end.

        Raises:
            TimeoutError: it lives on.
        """
        if self.poll() is None:
            watch = os.pidfd_open(self.pid)
            try:
                ended, _, _ = select.select([watch], [], [], timeout)
            finally:
                os.close(watch)
            if not ended:
                message = f"{self.pid} has not ended within {timeout} s"
                raise TimeoutError(message)
        code = self.poll()
        assert code is not None
        return code

    def send_signal(self, number: int) -> None:
        """Send it a signal, unless its end is known."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)


def _serve(asking: socket.socket) -> list[str] | None:
    """Do what is asked. In each daemon, return its arguments; None when nobody asks any more."""
    while True:
        text, files, _, _ = socket.recv_fds(asking, _MOST_BYTES, len(_STANDARD))
        if not text:
            return None
        asked = json.loads(text)
        if "reap" in asked:
            ended, status = os.waitpid(asked["reap"], os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if ended else None
        else:
            answer = os.fork()
            if answer == 0:
                _become_daemon(asked, files)
                return [_MODULE, *asked["arguments"]]
            for file in files:
                os.close(file)
        asking.send(json.dumps(answer).encode())


def _become_daemon(asked: Mapping[str, Any], files: Sequence[int]) -> None:
    os.setsid()
    os.chdir(asked["directory"])
    for ours, standard in zip(files, _STANDARD, strict=True):
        os.dup2(ours, standard)
    os.closerange(len(_STANDARD), os.sysconf("SC_OPEN_MAX"))
    os.environ.clear()
    os.environ.update(asked["environment"])


def main() -> None:
    """Import what a daemon is made of; fork; be a daemon."""
    from orchestrator import __main__ as program  # noqa: PLC0415 - not where tests have their daemons executed
    from orchestrator import reach  # noqa: PLC0415
    from orchestrator.faces.cli import rich_apart  # noqa: PLC0415

    rich_apart.keep_out()
    for module in ("orchestrator.faces.cli.commands.serve", "orchestrator.settings_sources", "orchestrator.app"):
        importlib.import_module(module)
    gc.collect()
    gc.freeze()
    asking = socket.socket(fileno=int(sys.argv[1]))
    arguments = _serve(asking)
    if arguments is not None:
        asking.detach()  # it is closed
        sys.argv = arguments
        importlib.reload(reach)  # it looks at the environment once
        program.main()


if __name__ == "__main__":
    main()

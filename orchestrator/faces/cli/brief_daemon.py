"""A daemon for the duration of one command, for those who run a job now and then and keep no daemon up.

It is the same daemon with the same state: what it accepted and did not see end, the next daemon takes up.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final

from orchestrator.faces.cli.client import Client
from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.exit_codes import ExitCode

START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 30.0
_OF_OUR_MANAGER: Final = ("NOTIFY_SOCKET", "WATCHDOG_", "INVOCATION_ID", "LISTEN_")
"""What a service manager says to this process alone: the daemon is not ready in its name."""
_LOOK_S: Final = 0.05
_TOLD_BYTES: Final = 4000
_ITS_OWN_CODES: Final = {ExitCode.UNREACHABLE, ExitCode.STORE_FAILED, ExitCode.TRY_LATER, ExitCode.CONFIGURATION}


@contextmanager
def brief_daemon(client: Client, options: Sequence[str]) -> Iterator[None]:
    """Run a daemon with `options` that answers `client` when this yields, and has ended when this returns.

    It ends with this process too, even if that is killed: it notices that its standard input ends (--with-parent).

    Raises:
        CommandError: it does not start; the message is its own, and so is the exit code.
    """
    command = [sys.executable, "-m", "orchestrator", *options, "serve", "--with-parent"]
    with tempfile.TemporaryFile() as log:
        # A group of its own: Ctrl-C in the terminal is for the command, which decides what becomes of the run.
        daemon = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            process_group=0,
            env={name: value for name, value in os.environ.items() if not name.startswith(_OF_OUR_MANAGER)},
        )
        try:
            _await_answer(client, daemon, log)
            yield
        finally:
            daemon.terminate()
            try:
                daemon.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
            finally:
                assert daemon.stdin is not None  # noqa: S101 - it is a pipe
                daemon.stdin.close()


def _await_answer(client: Client, daemon: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT_S
    while True:
        code = daemon.poll()
        if code is not None:
            raise CommandError(f"the daemon did not start:\n{_end_of(log)}", _known(code))
        if client.is_up():
            return
        if time.monotonic() > give_up_at:
            raise CommandError(
                f"the daemon did not answer within {START_TIMEOUT_S:g} s:\n{_end_of(log)}", ExitCode.UNREACHABLE
            )
        time.sleep(_LOOK_S)


def _known(code: int) -> ExitCode:
    return next((known for known in _ITS_OWN_CODES if known == code), ExitCode.INTERNAL)


def _end_of(log: IO[bytes]) -> str:
    log.seek(0, 2)
    log.seek(max(0, log.tell() - _TOLD_BYTES))
    return log.read().decode("utf-8", "replace").strip() or "it said nothing"

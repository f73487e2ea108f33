"""A command of the settings: executed without a shell, in a session of its own, of which nothing is left when it has ended.

Its standard input is a file in memory, so that nobody waits for it to read. All methods are for the event loop's thread;
nothing blocks, but for starting the process (a millisecond).
"""

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

import anyio

from orchestrator.executors.users import User
from orchestrator.model.errors import LaunchError

MAX_OUTPUT_BYTES: Final = 8192
_CHUNK_BYTES: Final = 65_536
_KILLED_WITHIN_S: Final = 2.0
"""Only a process that the kernel holds takes longer; it is then left to it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended."""

    code: (
        int | None
    )  # as `subprocess` tells it, so a signal's number is below 0; None: it was killed, its time was over
    output: str  # the beginning of what it said on standard output and standard error


async def execute(
    argv: Sequence[str], *, data: bytes, environment: Mapping[str, str], user: User | None, timeout_s: float
) -> Outcome:
    """Execute a command with `data` on its standard input and wait for its end; cancelled, it is killed.

    A name without a slash is looked for on the PATH of `environment`. `user` is None for our own.

    Raises:
        LaunchError: it cannot be executed.
    """
    with ExitStack() as stack:
        reading, writing = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        stack.callback(os.close, reading)
        try:
            process = _start(argv, data, environment, user, writing)
        finally:
            os.close(writing)
        try:
            pidfd = os.pidfd_open(process.pid)
            stack.callback(os.close, pidfd)
            said = bytearray()
            with anyio.move_on_after(timeout_s) as scope:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(_listen, reading, said)
                    await anyio.wait_readable(pidfd)
                    tasks.cancel_scope.cancel()
        finally:
            await _end(process)
        _drain(reading, said)
        output = said.decode(errors="replace")
        return Outcome(None if scope.cancelled_caught else process.returncode, output)


def _start(
    argv: Sequence[str], data: bytes, environment: Mapping[str, str], user: User | None, output: int
) -> subprocess.Popen[bytes]:
    try:
        with os.fdopen(os.memfd_create("notice"), "w+b", buffering=0) as given:
            given.write(data)
            given.seek(0)
            os.set_blocking(output, True)  # ours is the other end
            return subprocess.Popen(
                argv,
                stdin=given,
                stdout=output,
                stderr=output,
                env=environment,
                cwd="/",
                start_new_session=True,
                user=None if user is None else user.uid,
                group=None if user is None else user.gid,
                extra_groups=None if user is None else user.groups,
            )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise LaunchError(f"{argv[0]}: {error}") from error


async def _listen(reading: int, said: bytearray) -> None:
    while True:
        await anyio.wait_readable(reading)
        if not _drain(reading, said):
            return


def _drain(reading: int, said: bytearray) -> bool:
    """Take what there is now, at most one chunk, and keep the beginning; say whether there may be more."""
    try:
        chunk = os.read(reading, _CHUNK_BYTES)
    except BlockingIOError:
        return True
    said += chunk[: max(MAX_OUTPUT_BYTES - len(said), 0)]
    return bool(chunk)


async def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what is left of its session's first group, and reap it. Not reaped yet, its number is nobody else's."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with anyio.CancelScope(shield=True), anyio.move_on_after(_KILLED_WITHIN_S):
        pidfd = os.pidfd_open(process.pid)
        try:
            await anyio.wait_readable(pidfd)
        finally:
            os.close(pidfd)
    process.poll()

"""A command ends with all that it has started in its group, however it ends; nobody waits for it to read or to be silent."""

import json
import os
import pwd
import signal
import sys
import time
from pathlib import Path
from typing import Final

import anyio
import psutil
import pytest

from orchestrator.executors import commands, users
from orchestrator.executors.commands import MAX_OUTPUT_BYTES, Outcome
from orchestrator.executors.users import User
from orchestrator.model.errors import LaunchError
from tests.support import other_user, processes
from tests.support.waiting import until, until_async

WORLD: Final = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


async def execute(*argv: str, data: bytes = b"", user: User | None = None, timeout_s: float = 20) -> Outcome:
    before = descriptors()
    try:
        return await commands.execute(argv, data=data, environment=WORLD, user=user, timeout_s=timeout_s)
    finally:
        # What an earlier test left to be collected may be closed meanwhile.
        assert descriptors() <= before
        assert psutil.Process().children() == []  # no zombie


def descriptors() -> set[str]:
    return {str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()}


def shell(script: str) -> tuple[str, str, str]:
    return "/bin/sh", "-c", script


def pids(path: Path, count: int) -> list[int]:
    """Wait until so many processes have written their pids down."""
    until(lambda: path.exists() and len(path.read_text().split()) == count, what="the pids")
    return [int(word) for word in path.read_text().split()]


def check_dead(*ended: int) -> None:
    until(lambda: not any(map(processes.is_alive, ended)), what="the end of all")


async def test_it_gets_its_input_and_says_how_it_ended() -> None:
    assert await execute("cat", data=b"some input") == Outcome(0, "some input")
    assert await execute(*shell("echo out; echo err >&2; exit 7")) == Outcome(7, "out\nerr\n")
    assert await execute(*shell("kill -USR1 $$")) == Outcome(-signal.SIGUSR1, "")


async def test_it_has_the_environment_that_it_is_given_and_three_descriptors_and_a_session() -> None:
    script = "import json, os; print(json.dumps([dict(os.environ), os.listdir('/proc/self/fd')[:-1], os.getsid(0) == os.getpid(), os.getcwd()]))"
    outcome = await execute(sys.executable, "-I", "-c", script)
    environment, descriptors, is_leader, place = json.loads(outcome.output)
    environment.pop("LC_CTYPE", None)
    assert (environment, descriptors, is_leader, place) == (WORLD, ["0", "1", "2"], True, "/")


async def test_one_that_reads_nothing_of_much_holds_nobody_up() -> None:
    assert await execute("true", data=b"x" * 5_000_000) == Outcome(0, "")


async def test_a_flood_of_output_is_cut_and_waits_for_nobody() -> None:
    outcome = await execute(*shell("head -c 20000000 /dev/zero | tr '\\0' x; echo >&2 end"))
    assert outcome == Outcome(0, "x" * MAX_OUTPUT_BYTES)


async def test_what_takes_too_long_is_killed_with_its_group(tmp_path: Path) -> None:
    began_s = time.monotonic()
    script = f"trap '' TERM; echo $$ >>{tmp_path}/pids; sh -c 'trap \"\" TERM; echo $$ >>{tmp_path}/pids; sleep 60'; sleep 60"
    assert await execute(*shell(script), timeout_s=0.5) == Outcome(None, "")
    assert time.monotonic() - began_s < 5
    check_dead(*pids(tmp_path / "pids", 2))


async def test_a_grandchild_that_holds_the_output_holds_up_nothing_and_does_not_stay(tmp_path: Path) -> None:
    began_s = time.monotonic()
    outcome = await execute(*shell(f"sleep 60 & echo $! >{tmp_path}/pids; echo said"))
    assert outcome == Outcome(0, "said\n")
    assert time.monotonic() - began_s < 5
    check_dead(*pids(tmp_path / "pids", 1))


async def test_one_that_is_cancelled_is_killed_with_its_group(tmp_path: Path) -> None:
    file = tmp_path / "pids"
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(execute, *shell(f"sleep 60 & echo $$ $! >{file}.new; mv {file}.new {file}; wait"))
        await until_async(file.exists, what="the pids")
        tasks.cancel_scope.cancel()
    check_dead(*pids(file, 2))


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        ("/nowhere/x", r"^/nowhere/x: .*No such file"),
        ("not-on-the-path", "^not-on-the-path: .*No such file"),
        ("/etc/passwd", "^/etc/passwd: .*Permission denied"),
        ("/", "^/: .*Permission denied"),
    ],
)
async def test_what_cannot_be_executed_is_told(program: str, sentence: str) -> None:
    with pytest.raises(LaunchError, match=sentence):
        await execute(program)


async def test_it_can_be_another_users() -> None:
    other_user.require()
    account = pwd.getpwnam("nobody")
    outcome = await execute(*shell("id -u; id -g; id -G"), user=users.named("nobody"))
    groups = " ".join(map(str, os.getgrouplist("nobody", account.pw_gid)))
    assert outcome.output.splitlines() == [str(account.pw_uid), str(account.pw_gid), groups]
    began_s = time.monotonic()
    assert (await execute("sleep", "60", user=users.named("nobody"), timeout_s=0.2)).code is None
    assert time.monotonic() - began_s < 5

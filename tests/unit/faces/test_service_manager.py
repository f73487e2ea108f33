"""A service manager that listens is told; where none does, nothing happens. Its watchdog hears from a loop that turns."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import anyio
import anyio.lowlevel
import pytest

from orchestrator.faces import service_manager
from orchestrator.faces.service_manager import notify, status, tell_status, tell_watchdog, watchdog_interval_s
from orchestrator.supervisor.bell import Bell
from tests.support.waiting import until_async


@pytest.fixture
def receiver() -> socket.socket:
    made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    made.settimeout(10)
    return made


def test_a_socket_in_the_file_system_hears_it(
    tmp_path: Path, receiver: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    with receiver:
        receiver.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify("READY=1")
        assert receiver.recv(100) == b"READY=1"


def test_an_abstract_socket_hears_it(receiver: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"orchestrator-test-{uuid4().hex}"
    with receiver:
        receiver.bind(f"\0{name}")
        monkeypatch.setenv("NOTIFY_SOCKET", f"@{name}")
        notify("RELOADING=1\nMONOTONIC_USEC=5")
        assert receiver.recv(100) == b"RELOADING=1\nMONOTONIC_USEC=5"


@pytest.mark.parametrize("value", [None, ""])
def test_without_a_service_manager_nothing_is_said(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    if value is not None:
        monkeypatch.setenv("NOTIFY_SOCKET", value)
    notify("READY=1")


def test_a_service_manager_that_is_gone_ends_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "gone"))
    notify("READY=1")


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "-1"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_hears_twice_in_its_time_where_it_is_ours(
    environment: dict[str, str], expected: float | None
) -> None:
    assert watchdog_interval_s(environment, 7) == expected


@pytest.mark.parametrize(
    ("load", "expected"), [((1, 0), "STATUS=1 live run, 0 queued"), ((2, 12), "STATUS=2 live runs, 12 queued")]
)
def test_the_status_counts_runs(load: tuple[int, int], expected: str) -> None:
    assert status(*load) == expected


@pytest.fixture
def manager(tmp_path: Path, receiver: socket.socket, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    with receiver:
        receiver.bind(str(tmp_path / "notify"))
        receiver.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        yield receiver


async def heard_by(manager: socket.socket) -> str:
    with anyio.fail_after(10):
        await anyio.wait_readable(manager)
    return manager.recv(100).decode()


async def test_the_watchdog_is_told_until_the_loop_hangs(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "100000")
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tell_watchdog)
        for _ in range(3):
            assert await heard_by(manager) == "WATCHDOG=1"
        tasks.cancel_scope.cancel()


async def test_without_a_watchdog_nobody_wakes_up_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)

    with anyio.fail_after(5):
        await tell_watchdog()


async def test_the_status_is_told_when_it_changes_and_not_when_it_does_not(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service_manager, "STATUS_PAUSE_S", 0.01)
    changed, live, looks = Bell(), 1, 0

    def load() -> tuple[int, int]:
        nonlocal looks
        looks += 1
        return live, 0

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tell_status, changed, load)
        assert await heard_by(manager) == "STATUS=1 live run, 0 queued"
        changed.ring()
        await until_async(lambda: looks == 2, what="a look at what has not changed")
        live = 2
        changed.ring()
        assert await heard_by(manager) == "STATUS=2 live runs, 0 queued"
        tasks.cancel_scope.cancel()


async def test_many_changes_at_once_are_told_once(manager: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_manager, "STATUS_PAUSE_S", 2)
    changed, live = Bell(), 0
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(tell_status, changed, lambda: (live, 0))
        assert await heard_by(manager) == "STATUS=0 live runs, 0 queued"
        for _ in range(50):
            live += 1
            changed.ring()
            await anyio.lowlevel.checkpoint()
        assert await heard_by(manager) == "STATUS=50 live runs, 0 queued"
        tasks.cancel_scope.cancel()

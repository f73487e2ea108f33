"""A service manager that listens is told; where none does, nothing happens."""

import socket
from pathlib import Path
from uuid import uuid4

import pytest

from orchestrator.faces.service_manager import notify


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

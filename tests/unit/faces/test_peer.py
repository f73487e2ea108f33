"""The kernel is asked who owns the other end of a connection; where nobody does any more, nobody gets in."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import pytest

from orchestrator.faces import peer

FAMILIES: Final = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
CONNECT: Final = """
import encodings.idna, os, socket, sys  # all of it before we may no longer read the interpreter's files
os.setuid(int(sys.argv[2]))
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as connection:
    sys.stdin.read()
"""


@contextmanager
def listening(family: int, host: str) -> Iterator[socket.socket]:
    with socket.socket(family) as listener:
        listener.settimeout(10)
        listener.bind((host, 0))
        listener.listen()
        yield listener


@pytest.mark.parametrize(("family", "host"), FAMILIES, ids=["IPv4", "IPv6"])
def test_our_own_process_is_known_by_its_uid(family: int, host: str) -> None:
    with listening(family, host) as listener, socket.create_connection(listener.getsockname()[:2], timeout=10):
        accepted, client = listener.accept()
        with accepted:
            server = accepted.getsockname()[:2]
            assert peer.uid_of(client[:2], server) == os.geteuid()
            assert peer.is_owner(client[:2], server)


@pytest.mark.parametrize(("family", "host"), FAMILIES, ids=["IPv4", "IPv6"])
def test_a_client_that_has_closed_is_nobody_and_not_root(family: int, host: str) -> None:
    with listening(family, host) as listener:
        socket.create_connection(listener.getsockname()[:2], timeout=10).close()
        accepted, client = listener.accept()
        with accepted:
            server = accepted.getsockname()[:2]
            assert peer.uid_of(client[:2], server) is None
            assert not peer.is_owner(client[:2], server)


def test_an_ipv4_client_of_an_ipv6_listener_is_known_too() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listener:
        listener.settimeout(10)
        with socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=10):
            accepted, client = listener.accept()
            with accepted:
                assert client[0] == "::ffff:127.0.0.1"
                assert peer.uid_of(client[:2], accepted.getsockname()[:2]) == os.geteuid()


def test_a_connection_that_never_was_belongs_to_nobody() -> None:
    with listening(socket.AF_INET, "127.0.0.1") as listener:
        assert peer.uid_of(("127.0.0.1", 1), listener.getsockname()) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another user")
def test_another_users_process_is_known_by_its_uid_and_kept_out() -> None:
    with listening(socket.AF_INET, "127.0.0.1") as listener:
        port = listener.getsockname()[1]
        with subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", CONNECT, str(port), "65534"], stdin=subprocess.PIPE
        ) as other:
            accepted, client = listener.accept()
            with accepted:
                assert peer.uid_of(client, accepted.getsockname()) == 65534
                assert not peer.is_owner(client, accepted.getsockname())
            other.communicate(timeout=10)


@pytest.mark.parametrize("client", [None, ("no address", 5)])
def test_who_cannot_be_told_is_kept_out(client: tuple[str, int] | None) -> None:
    with listening(socket.AF_INET, "127.0.0.1") as listener:
        try:
            is_owner = peer.is_owner(client, listener.getsockname())
        except Exception as error:  # noqa: BLE001 - whatever it is, it would drop the connection
            pytest.fail(f"a connection would be dropped: {error!r}")
    assert not is_owner


def test_a_silent_kernel_keeps_everybody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(client: tuple[str, int], server: tuple[str, int]) -> int:
        raise TimeoutError

    monkeypatch.setattr(peer, "uid_of", silent)
    assert not peer.is_owner(("127.0.0.1", 5), ("127.0.0.1", 6))
    assert not peer.is_owner(("127.0.0.1", 5), None)

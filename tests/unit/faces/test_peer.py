"""The kernel is asked who owns the other end of a connection; where nobody does any more, nobody gets in."""

import contextlib
import errno
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from orchestrator.faces import peer
from tests.support.waiting import until

FAMILIES: Final = [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")]
SYN_SENT: Final = 2
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
            assert peer.is_connected(accepted)


@pytest.mark.parametrize(("family", "host"), FAMILIES, ids=["IPv4", "IPv6"])
def test_a_client_that_has_closed_is_nobody_and_not_root(family: int, host: str) -> None:
    with listening(family, host) as listener:
        socket.create_connection(listener.getsockname()[:2], timeout=10).close()
        accepted, client = listener.accept()
        with accepted:
            server = accepted.getsockname()[:2]
            assert peer.uid_of(client[:2], server) is None


@pytest.mark.parametrize(("family", "host"), FAMILIES, ids=["IPv4", "IPv6"])
def test_who_resets_a_connection_and_leaves_its_port_to_another_is_found_out(family: int, host: str) -> None:
    """The kernel shows the other's socket then, and what came before the reset can still be read."""
    with listening(family, host) as listener:
        server = listener.getsockname()[:2]
        second = until(lambda: taken_over(server), what="a port that no other program took meanwhile")
        assert second is not None
        with second:
            place = second.getsockname()
            accepted, client = listener.accept()
            while client != place:  # of a port that was lost
                accepted.close()
                accepted, client = listener.accept()
            with accepted:
                assert accepted.recv(100) == b"do this for me"
                assert peer.uid_of(client[:2], server) == os.geteuid()
                assert not peer.is_connected(accepted)


def taken_over(server: tuple[str, int]) -> socket.socket | None:
    """Connect, ask, reset, and connect from the same port again; None if it was lost to somebody else."""
    first = socket.create_connection(server, timeout=10)
    place = first.getsockname()[:2]
    first.sendall(b"do this for me")
    first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    first.close()
    try:
        return socket.create_connection(server, timeout=10, source_address=place)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return None


@pytest.mark.parametrize(("family", "host"), FAMILIES, ids=["IPv4", "IPv6"])
def test_a_client_that_has_said_all_is_still_known(family: int, host: str) -> None:
    with (
        listening(family, host) as listener,
        socket.create_connection(listener.getsockname()[:2], timeout=10) as connection,
    ):
        connection.shutdown(socket.SHUT_WR)
        accepted, client = listener.accept()
        with accepted:
            assert accepted.recv(1) == b""
            assert peer.uid_of(client[:2], accepted.getsockname()[:2]) == os.geteuid()
            assert peer.is_connected(accepted)


def test_a_socket_that_only_begins_to_connect_is_no_peer() -> None:
    with socket.socket() as full, contextlib.ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        server = full.getsockname()
        for _ in range(20):  # beyond the backlog the kernel leaves them waiting
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server)
            states = waiting.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
            if states[0] == SYN_SENT:
                break
        else:
            pytest.fail("no socket is left waiting")
        assert peer.uid_of(waiting.getsockname(), server) is None


def test_a_unix_socket_says_who_connected(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as connection:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        connection.connect(str(tmp_path / "s"))
        accepted, _ = listener.accept()
        connection.close()
        with accepted:
            assert peer.uid_by_credentials(accepted) == os.geteuid()


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
                assert not peer.may_enter(65534)
            other.communicate(timeout=10)


GIVE_A_SOCKET: Final = """
import array, os, socket, sys
os.setuid(65534)
ours = socket.socket(fileno=int(sys.argv[1]))
gift = socket.socket()
ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [gift.fileno()]))])
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a process of another user")
def test_a_socket_that_another_user_made_and_ours_connects_is_the_others() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, listening(socket.AF_INET, "127.0.0.1") as listener:
        subprocess.run(
            [sys.executable, "-I", "-S", "-c", GIVE_A_SOCKET, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            check=True,
            timeout=20,
        )
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1)
        with socket.socket(fileno=descriptors[0]) as gift:
            gift.connect(listener.getsockname())
            accepted, client = listener.accept()
            with accepted:
                assert peer.uid_of(client, listener.getsockname()) == 65534


def test_our_own_user_and_root_may_enter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert [uid for uid in (0, 1, 999, 1000, 1001, 65534) if peer.may_enter(uid)] == [0, 1000]

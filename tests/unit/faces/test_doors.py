"""Who cannot be told is kept out, who is too many is told to come again, and places are given back."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from typing import Any, Final, cast

import pytest

from orchestrator.faces import doors, peer
from orchestrator.faces.doors import MAX_GUESTS, Doors, Limits
from orchestrator.wire.errors import AccessDeniedError, BusyError

LIMITS: Final = Limits(max_connections=2, header_timeout_s=1, body_timeout_s=1, idle_timeout_s=1)


class Transport:
    """A transport of an accepted connection, as far as it is looked at."""

    def __init__(self, connection: socket.socket, **changes: Any) -> None:
        self._told = {
            "socket": connection,
            "peername": connection.getpeername(),
            "sockname": connection.getsockname(),
            **changes,
        }

    def get_extra_info(self, name: str) -> Any:
        return self._told[name]


@pytest.fixture
def connection() -> Iterator[socket.socket]:
    """Lend an accepted TCP connection of our own."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            yield accepted


def entered(some: Doors, connection: socket.socket, **changes: Any) -> doors.Standing | None:
    return some.enter(cast("asyncio.Transport", Transport(connection, **changes)))


def refusal(connection: socket.socket, **changes: Any) -> object:
    standing = entered(Doors(LIMITS, is_peer_checked=True), connection, **changes)
    assert standing is not None
    return standing.refusal


def test_our_own_process_may_stay(connection: socket.socket) -> None:
    assert refusal(connection) is None


@pytest.mark.parametrize("client", [None, ("127.0.0.1", 1)])
def test_who_cannot_be_told_is_a_stranger(connection: socket.socket, client: tuple[str, int] | None) -> None:
    assert isinstance(refusal(connection, peername=client), AccessDeniedError)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (TimeoutError(), AccessDeniedError),
        (OSError(errno.EPERM, "not permitted"), AccessDeniedError),
        (OSError(errno.EMFILE, "too many open files"), BusyError),
    ],
)
def test_a_kernel_that_does_not_answer_keeps_everybody_out(
    connection: socket.socket, monkeypatch: pytest.MonkeyPatch, error: OSError, kind: type
) -> None:
    def silent(client: tuple[str, int], server: tuple[str, int]) -> int:
        raise error

    monkeypatch.setattr(peer, "uid_of", silent)
    assert isinstance(refusal(connection), kind)


def test_a_place_is_given_back(connection: socket.socket) -> None:
    some = Doors(LIMITS, is_peer_checked=True)
    first, _ = entered(some, connection), entered(some, connection)
    third = entered(some, connection)
    assert first is not None
    assert third is not None
    assert isinstance(third.refusal, BusyError)

    some.leave(third)
    some.leave(first)
    again = entered(some, connection)

    assert again is not None
    assert again.refusal is None


def test_strangers_take_nobodys_place_and_are_few(connection: socket.socket) -> None:
    some = Doors(LIMITS, is_peer_checked=True)
    guests = [entered(some, connection, peername=None) for _ in range(MAX_GUESTS)]

    assert all(guest and isinstance(guest.refusal, AccessDeniedError) for guest in guests)
    assert entered(some, connection, peername=None) is None
    ours = entered(some, connection)
    assert ours is not None
    assert ours.refusal is None


def test_the_unix_socket_has_places_of_its_own(connection: socket.socket) -> None:
    some = Doors(LIMITS, is_peer_checked=True)
    for _ in range(LIMITS.max_connections + 1):
        entered(some, connection)
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        standing = entered(some, ours)
    assert standing is not None
    assert standing.refusal is None

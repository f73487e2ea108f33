"""The sockets that lead to the daemon: one of TCP, and one in the state directory."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

import structlog

from orchestrator.faces import unix_socket
from orchestrator.settings import Settings

log = structlog.stdlib.get_logger()
_BACKLOG: Final = 1024


class AddressError(Exception):
    """The address to listen on cannot be had."""


@contextmanager
def listening(settings: Settings) -> Iterator[list[socket.socket]]:
    """Lend the sockets, TCP first. The state directory must be held, for what is left of another daemon there is removed.

    Raises:
        AddressError: another program has the address, or it is not this machine's.
    """
    try:
        listener = bind_tcp(settings.host, settings.port)
    except OSError as error:
        message = f"cannot listen on {settings.host} port {settings.port}: {error.strerror or error}"
        raise AddressError(message) from error
    with ExitStack() as stack:
        listeners = [stack.enter_context(listener)]
        path = settings.state_dir / unix_socket.SOCKET_NAME
        try:
            listeners.append(stack.enter_context(unix_socket.bound(path)))
        except OSError as error:  # a file system without sockets is no reason not to run jobs
            log.warning("unix_socket_unavailable", path=str(path), problem=str(error), consequence="TCP only")
        yield listeners


def bind_tcp(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes a free one.

    It is made with IPPROTO_TCP, without which asyncio never sets TCP_NODELAY.

    Raises:
        OSError: the address is taken, or not this machine's.
    """
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener

"""The doors: who is at the other end of a new connection, whether there is room for it, and how long it may take.

Who may not stay is not dropped but answered, because SDKs call again after a dropped connection. Until then it is a
guest: guests take nobody's place, stay two seconds, and are few.
"""

import asyncio
import errno
import socket
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Final

from orchestrator.faces import peer
from orchestrator.model.errors import RequestError
from orchestrator.settings import Access
from orchestrator.wire.errors import AccessDeniedError, BusyError

GUEST_PATIENCE_S: Final = 2
MAX_GUESTS: Final = 64
_NO_MEANS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many connections there may be at each door, and how long each may let us wait."""

    max_connections: int
    header_timeout_s: float  # from the connection, or the head's first byte, to its last
    body_timeout_s: float  # from the head's end to the last byte
    idle_timeout_s: float  # between two requests, and for the reading of an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a connection may do."""

    family: int
    refusal: RequestError | None  # what each of its requests is answered; None: it may stay

    @property
    def is_unix(self) -> bool:
        """Say whether it came in by the Unix socket, which is our user's alone."""
        return self.family == socket.AF_UNIX


class Doors:
    """Counts who is in, and lets in who may come."""

    def __init__(self, limits: Limits, *, is_peer_checked: bool, is_remote_allowed: bool = False) -> None:
        """Keep to `limits`; with `is_peer_checked`, to processes of our own user and of root.

        With `is_remote_allowed`, whoever does not come from this machine's loopback is for the signature to tell.
        """
        self.limits: Final = limits
        self._is_peer_checked = is_peer_checked
        self._is_remote_allowed = is_remote_allowed
        self._members: Counter[int] = Counter()  # by the family of their door: nobody at one can fill the other
        self._guests = 0

    def enter(self, transport: asyncio.Transport) -> Standing | None:
        """Return what the new connection may do; None if there is no room even to tell it why not."""
        family = transport.get_extra_info("socket").family
        refusal = self._refusal(transport)
        if refusal is None and self._members[family] >= self.limits.max_connections:
            refusal = BusyError.connections(self.limits.max_connections)
        if refusal is None:
            self._members[family] += 1
        elif self._guests < MAX_GUESTS:
            self._guests += 1
        else:
            return None
        return Standing(family=family, refusal=refusal)

    def leave(self, standing: Standing) -> None:
        """Give the place of a connection to others."""
        if standing.refusal is None:
            self._members[standing.family] -= 1
        else:
            self._guests -= 1

    def _refusal(self, transport: asyncio.Transport) -> RequestError | None:
        if not self._is_peer_checked or (self._is_remote_allowed and _is_remote(transport)):
            return None
        try:
            uid = _uid(transport)
        except OSError as error:
            if error.errno in _NO_MEANS:  # to ask the kernel takes a descriptor
                return BusyError.descriptors()
            uid = None
        return None if uid is not None and peer.may_enter(uid) else AccessDeniedError.peer()


def doors_by(access: Access) -> Doors:
    """Return the doors as the settings want them."""
    limits = Limits(
        max_connections=access.max_connections,
        header_timeout_s=access.header_timeout_s,
        body_timeout_s=access.body_timeout_s,
        idle_timeout_s=access.idle_timeout_s,
    )
    return Doors(limits, is_peer_checked=access.peer == "owner", is_remote_allowed=access.allow_remote)


def _is_remote(transport: asyncio.Transport) -> bool:
    client = transport.get_extra_info("peername")
    if not isinstance(client, tuple):  # a Unix socket's
        return False
    address = ip_address(client[0].partition("%")[0])
    return not (getattr(address, "ipv4_mapped", None) or address).is_loopback


def _uid(transport: asyncio.Transport) -> int | None:
    connection: Any = transport.get_extra_info("socket")
    if connection.family == socket.AF_UNIX:
        return peer.uid_by_credentials(connection)
    client, server = transport.get_extra_info("peername"), transport.get_extra_info("sockname")
    if not client or not server:
        return None
    uid = peer.uid_of(client[:2], server[:2])
    # Looked at last: until here nobody else's socket can have been at the client's address and port.
    return uid if peer.is_connected(connection) else None

"""Who is at the other end of a local connection: the uid of the peer's socket, asked of the kernel.

Loopback is open to every local user, and this API starts processes. Asking (sock_diag) takes about 0.1 ms and no
privilege; a Unix socket says it itself. Source: sock_diag(7), unix(7).
"""

import os
import socket
import struct
from ipaddress import ip_address
from typing import Any, Final

_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_NLM_F_REQUEST: Final = 1
_ALL_STATES: Final = 0xFFFFFFFF
_NO_COOKIE: Final = (0xFFFFFFFF, 0xFFFFFFFF)
_HEADER: Final = struct.Struct("=IHHII")  # nlmsghdr
_REQUEST: Final = struct.Struct("=BBBxI")  # inet_diag_req_v2 up to its socket id
_ANSWER_STATE_AT: Final = 16 + 1  # behind the header and the family
_ANSWER_UID_INODE: Final = struct.Struct("=II")
_ANSWER_UID_AT: Final = 16 + 4 + 48 + 4 * 3  # behind the header, the four state bytes, the socket id and three counters
_ANSWER_BYTES: Final = 8192
_ADDRESS_BYTES: Final = 16
_PATIENCE_S: Final = 1.0
_PEER_STATES: Final = frozenset({1, 4, 5, 8})  # ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT
_TCP_CLOSE: Final = 7
_CREDENTIALS: Final = struct.Struct("=iII")  # ucred: pid, uid, gid


def uid_of(client: tuple[str, int], server: tuple[str, int]) -> int | None:
    """Return the uid that owns the socket at `client` which is connected to `server`; None where nobody does any more.

    A socket that its process has closed already shows as uid 0 with inode 0: that is nobody, not root. One that only
    begins to connect is not the peer of a connection that we have.

    Raises:
        OSError: the kernel cannot be asked, or does not answer.
        ValueError: `client` is no address.
    """
    address = ip_address(client[0])
    mapped = getattr(address, "ipv4_mapped", None)
    family = socket.AF_INET if address.version == 4 or mapped else socket.AF_INET6
    message = _question(family, client, server)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as netlink:
        netlink.settimeout(_PATIENCE_S)
        netlink.send(message)
        answer = netlink.recv(_ANSWER_BYTES)
    _, kind, _, _, _ = _HEADER.unpack_from(answer)
    if kind != _SOCK_DIAG_BY_FAMILY or len(answer) < _ANSWER_UID_AT + _ANSWER_UID_INODE.size:
        return None
    uid, inode = _ANSWER_UID_INODE.unpack_from(answer, _ANSWER_UID_AT)
    return int(uid) if inode and answer[_ANSWER_STATE_AT] in _PEER_STATES else None


def is_connected(connection: Any) -> bool:
    """Say whether a TCP connection still stands. A client that resets it frees its port at once, for anybody's next socket."""
    state: bytes = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    return state[0] != _TCP_CLOSE


def uid_by_credentials(connection: Any) -> int:
    """Return the uid of the process that connected to our Unix socket, as it was then."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(credentials)
    return int(uid)


def may_enter(uid: int) -> bool:
    """Say whether a process of `uid` may call: one of our own user, or of root."""
    return uid in (os.geteuid(), 0)


def _question(family: int, client: tuple[str, int], server: tuple[str, int]) -> bytes:
    """Ask for the one socket whose own end is `client`."""
    socket_id = (
        struct.pack("!HH", client[1], server[1])
        + _packed(family, client[0])
        + _packed(family, server[0])
        + struct.pack("=III", 0, *_NO_COOKIE)
    )
    body = _REQUEST.pack(family, socket.IPPROTO_TCP, 0, _ALL_STATES) + socket_id
    return _HEADER.pack(_HEADER.size + len(body), _SOCK_DIAG_BY_FAMILY, _NLM_F_REQUEST, 0, 0) + body


def _packed(family: int, address: str) -> bytes:
    plain = address.removeprefix("::ffff:") if family == socket.AF_INET else address.partition("%")[0]
    return socket.inet_pton(family, plain).ljust(_ADDRESS_BYTES, b"\0")

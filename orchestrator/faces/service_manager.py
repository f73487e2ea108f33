"""What the service manager is told: sd_notify(3), a datagram to the socket that it names. Nothing where there is none."""

import os
import socket
from contextlib import suppress


def notify(state: str) -> None:
    """Send `state`, such as "READY=1", if a service manager listens."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):  # an abstract socket
        address = "\0" + address[1:]
    with (
        suppress(OSError),  # nobody listens: no reason to end
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
    ):
        sender.connect(address)
        sender.sendall(state.encode())

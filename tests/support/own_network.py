"""A network of a test's own (a network namespace): a loopback, and an address beside it as other machines' are.

Run as a program, `python own_network.py [-p PID] [-u UID] COMMAND …` executes a command in a new one, or in that of a
process, as another user if wanted. Nothing in it reaches another network.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys
from typing import Final

ADDRESS: Final = "10.99.0.1"
_CLONE_NEWNET: Final = 0x40000000
_SIOCSIFADDR: Final = 0x8916
_SIOCSIFFLAGS: Final = 0x8914
_IFF_UP: Final = 0x1


def begin() -> None:
    """Put this process into a network of its own."""
    _call("unshare", _CLONE_NEWNET)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", _IFF_UP))
        address = struct.pack("=HH4s8x", socket.AF_INET, 0, socket.inet_aton(ADDRESS))
        fcntl.ioctl(control, _SIOCSIFADDR, struct.pack("16s16s", b"lo:1", address))


def join(pid: int) -> None:
    """Put this process into the network of another."""
    descriptor = os.open(f"/proc/{pid}/ns/net", os.O_RDONLY)
    _call("setns", descriptor, _CLONE_NEWNET)
    os.close(descriptor)


def _call(name: str, *arguments: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    if getattr(library, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def main(words: list[str]) -> None:
    """Do as the command line says."""
    if words[0] == "-p":
        join(int(words[1]))
        words = words[2:]
    else:
        begin()
    if words[0] == "-u":
        os.setgroups([])
        os.setgid(int(words[1]))
        os.setuid(int(words[1]))
        words = words[2:]
    os.execvp(words[0], words)  # noqa: S606 - a test's own command


if __name__ == "__main__":
    main(sys.argv[1:])

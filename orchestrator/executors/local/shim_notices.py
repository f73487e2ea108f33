"""What shims, and spawn servers, say to the daemon of the runs that they serve."""

import asyncio
import os
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from orchestrator.executors.local.spares import Shim

_MAX_NOTICE_BYTES: Final = 4096
_BUFFER_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Notice:
    """What a shim, or a server for it, says of a run."""

    run_id: str
    pid: int
    word: str
    more: str
    shim: Shim | None = None  # with the first word of a shim: it, to be watched and dismissed by whoever hears that


class Notices:
    """The socket on which all shims and servers of this daemon are heard."""

    def __init__(self, hear: Callable[[Notice], None]) -> None:
        """Call `hear` for each notice."""
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in (self._ours, self.theirs):
            end.setblocking(False)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
        self._hear = hear
        asyncio.get_running_loop().add_reader(self._ours, self.read)

    def read(self) -> None:
        """Hear what there is."""
        while True:
            try:
                data, descriptors, _, _ = socket.recv_fds(self._ours, _MAX_NOTICE_BYTES, 2, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return
            run_id, pid, word, more = data.decode(errors="replace").split(" ", 3)
            self._hear(Notice(run_id, int(pid), word, more, _shim_of(int(pid), descriptors)))

    def close(self) -> None:
        """Hear no more."""
        asyncio.get_running_loop().remove_reader(self._ours)
        self._ours.close()
        self.theirs.close()


def _shim_of(pid: int, descriptors: Sequence[int]) -> Shim | None:
    """Return the shim that has introduced itself by its pidfd and by where it can be asked."""
    if len(descriptors) == 2:
        return Shim(pid, descriptors[0], _nonblocking(socket.socket(fileno=descriptors[1])))
    for descriptor in descriptors:  # no room was left for the other one: it is found by its claim
        os.close(descriptor)
    return None


def _nonblocking(one: socket.socket) -> socket.socket:
    one.setblocking(False)
    return one

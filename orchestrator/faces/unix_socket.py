"""The Unix socket in the state directory: the daemon's end of it, and the command line's. The standard library only.

The path of a Unix socket may have 107 bytes; a state directory's may have more, so the way leads through a descriptor of
the directory (/proc/self/fd).
"""

import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

SOCKET_NAME: Final = "api.sock"
"""Its name in the state directory."""
_BACKLOG: Final = 1024
_PRIVATE: Final = 0o600
_PROBE_TIMEOUT_S: Final = 1.0


@contextmanager
def bound(path: Path) -> Iterator[socket.socket]:
    """Lend a listening socket at `path`, for our user alone (0600), and remove it at the end.

    What is there already is replaced: the caller holds the directory, so its daemon is dead.

    Raises:
        OSError: there can be none at `path`.
    """
    with suppress(FileNotFoundError):
        path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as listener:
        with _short(path) as short:
            listener.bind(short)
        try:
            path.chmod(_PRIVATE)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
            yield listener
        finally:
            with suppress(FileNotFoundError):
                path.unlink()


def connect(path: Path, timeout_s: float) -> socket.socket:
    """Return a connection to the socket at `path`.

    Raises:
        OSError: there is none, or nobody listens there.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        connection.settimeout(timeout_s)
        with _short(path) as short:
            connection.connect(short)
    except BaseException:
        connection.close()
        raise
    return connection


def is_listened_at(path: Path) -> bool:
    """Say whether somebody listens at `path`."""
    try:
        if not stat.S_ISSOCK(path.stat().st_mode):
            return False
        connect(path, _PROBE_TIMEOUT_S).close()
    except OSError:
        return False
    return True


@contextmanager
def _short(path: Path) -> Iterator[str]:
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)

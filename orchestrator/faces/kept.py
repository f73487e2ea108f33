"""Files that hold secrets: read once, and only if nobody else can read or write them."""

import os
import stat
from pathlib import Path
from typing import Final

_MAX_BYTES: Final = 64 * 1024
_OTHERS: Final = 0o077


def read(path: Path, what: str) -> str:
    """Return the text of the file, which is `what` ("a file of keys").

    Raises:
        OSError: it cannot be read.
        ValueError: it is no regular file, somebody else's, open to others, too large, or (UnicodeDecodeError, which shows
            some of it) no text.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, so that what is checked is what is read
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            message = f"{what} must be a regular file"
        elif status.st_uid not in (os.geteuid(), 0):
            message = f"{what} must belong to the daemon's user or to root, not to uid {status.st_uid}"
        elif status.st_mode & _OTHERS:
            message = f"{what} must be its owner's alone; its mode is {status.st_mode & 0o777:o}: chmod 600"
        elif status.st_size > _MAX_BYTES:
            message = f"{what} has at most {_MAX_BYTES} bytes"
        else:
            return file.read(_MAX_BYTES).decode("utf-8")
    raise ValueError(message)

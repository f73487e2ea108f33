"""Opening and reading a file of a run, in whose place its script may have put anything."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

_MAX_FILE_BYTES: Final = 1024 * 1024
NOFOLLOW: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
FOREIGN: Final = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENXIO, errno.ENODEV})
"""What opening a file says where a link, a socket, a dead device, or no directory, is in its place: it is none of ours."""
UNREADABLE: Final = FOREIGN | {errno.ENOENT, errno.EACCES}
"""That, and what it says where nothing is, or nothing that may be read."""


@contextmanager
def opened(path: Path) -> Iterator[int]:
    """Lend a descriptor of a file to read, opened without following a link or waiting.

    Raises:
        OSError: it cannot be opened; `FOREIGN` and `UNREADABLE` say what that means.
    """
    descriptor = os.open(path, NOFOLLOW)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_json(descriptor: int) -> dict[str, Any] | None:
    """Return the fields in a small file; None where it is no JSON object of ours."""
    try:
        size = min(
            os.fstat(descriptor).st_size, _MAX_FILE_BYTES
        )  # room for the most costs more than reading the few bytes
        fields = json.loads(os.pread(descriptor, size, 0))
    except (OSError, ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None

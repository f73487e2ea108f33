"""Which SQLite is linked, and what is known to be wrong with it."""

import sqlite3
from typing import Final

LINKED: Final = sqlite3.sqlite_version_info
_MENDED: Final = ((3, 44, 6), (3, 50, 7))  # branches that got the mend, too
_MENDED_SINCE: Final = (3, 51, 3)


def weakness(version: tuple[int, int, int] = LINKED) -> str | None:
    """Return what a SQLite can do wrong, and why it does not here; None: nothing that is known.

    Source: https://sqlite.org/wal.html, "The WAL-Reset Bug".
    """
    if version >= _MENDED_SINCE or any(version[:2] == one[:2] and version >= one for one in _MENDED):
        return None
    return "two connections that write could damage it (the WAL-reset bug); the daemon has one writer, so let nothing else write"

"""What SQLite leaves unsaid of its write-ahead log: that a damaged place in it hides commits which were on disk.

SQLite takes the first frame whose checksum is wrong for the end of the log: a power cut leaves such a tail. But we flush
at each commit (synchronous=FULL), so behind a tail that a power cut has torn no later transaction can have begun.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from struct import Struct
from typing import Final

from orchestrator.model.errors import StoreDamagedError

_LOOK: Final = "SELECT count(*) FROM sqlite_master"
_HEADER: Final = Struct(">8I")  # magic, version, page size, checkpoint, two salts, two checksums
_FRAME: Final = Struct(">4I")  # page, size of the database behind a commit (else 0), two salts; two checksums follow
_FRAME_HEADER_BYTES: Final = 24
_INDEX_FRAMES: Final = Struct("=16xI")  # in the index (-shm): how many frames SQLite found valid
_MAGIC: Final = 0x377F0682
_WORD: Final = 0xFFFFFFFF


def check(database: Path) -> None:
    """Look at the log beside `database` before anything is written.

    Raises:
        StoreDamagedError: it holds transactions behind a damaged place. Nothing was changed.
    """
    log = database.with_name(f"{database.name}-wal")
    if not log.exists() or log.stat().st_size <= _HEADER.size:
        return
    with log.open("rb") as file:
        header = file.read(_HEADER.size)
    if not _is_whole(header):
        message = "the head of its log cannot be read"
        raise StoreDamagedError(message)
    with suppress(sqlite3.Error):  # what is wrong with the database itself is told by who opens it to write
        _check_tail(database, log, header)


def _check_tail(database: Path, log: Path, header: bytes) -> None:
    _, _, page_bytes, _, *salts, _, _ = _HEADER.unpack(header)
    # Read-only: that brings the index up to date, and neither moves the log into the database nor removes it at the end.
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as reader:
        reader.execute("BEGIN")
        reader.execute(_LOOK).fetchone()
        with database.with_name(f"{database.name}-shm").open("rb") as index:
            (valid,) = _INDEX_FRAMES.unpack(index.read(_INDEX_FRAMES.size))
    has_commit = False
    with log.open("rb") as file:
        file.seek(_HEADER.size + valid * (_FRAME_HEADER_BYTES + page_bytes))
        while len(frame := file.read(_FRAME_HEADER_BYTES)) == _FRAME_HEADER_BYTES:
            _, committed_pages, *its_salts = _FRAME.unpack(frame[: _FRAME.size])
            if its_salts == salts:  # not one that an earlier round of the log has left
                if has_commit:
                    message = f"its log has a damaged place behind frame {valid}, and commits behind that"
                    raise StoreDamagedError(message)
                has_commit = committed_pages > 0
            file.seek(page_bytes, 1)


def _is_whole(header: bytes) -> bool:
    """Say whether the checksum in a log's header is right; the magic number's last bit says in which byte order."""
    magic = int.from_bytes(header[:4], "big")
    if magic & ~1 != _MAGIC:
        return False
    words = Struct(">6I" if magic & 1 else "<6I").unpack(header[:24])
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & _WORD
        second = (second + odd + first) & _WORD
    return (first, second) == _HEADER.unpack(header)[6:]

"""TOML files as people write them: read whole, and told by the line where they are wrong."""

import errno
import os
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

Member = tuple[str | int, ...]
"""A member by its place: names of tables and keys from the outermost on, and positions in lists."""

_TOML_LINE: Final = re.compile(r"\(at line (\d+), column \d+\)")
_QUOTED: Final = r"\"(?:[^\"\\]|\\.)*\"|'[^']*'"
_HEADER: Final = re.compile(rf"\[(?P<double>\[)?(?P<keys>(?:[^\"'#\]]|{_QUOTED})+)\](?(double)\])\s*(?:#.*)?")
_KEY: Final = re.compile(rf"(?P<keys>(?:[^=\"'#]|{_QUOTED})+)=\s*(?P<value>.*)")


class UnreadableError(Exception):
    """A file that is no TOML; the sentence says why."""

    def __init__(self, message: str, line: int | None) -> None:
        super().__init__(message)
        self.line = line


class MissingError(UnreadableError):
    """A file that is not there."""


def read(path: Path) -> tuple[str, dict[str, Any]]:
    """Return a file's text and its members.

    Raises:
        MissingError: there is none.
        UnreadableError: it cannot be read, or is not TOML.
    """
    try:
        text = _content(path).decode("utf-8")
    except UnicodeDecodeError as error:
        raise UnreadableError(str(error), error.object.count(b"\n", 0, error.start) + 1) from None
    except FileNotFoundError as error:
        if path.is_symlink():
            message = "it is a symbolic link that leads nowhere"
            raise UnreadableError(message, None) from None
        raise MissingError(str(error), None) from None
    except OSError as error:
        raise UnreadableError(str(error), None) from None
    try:
        return text, tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # more than TOMLDecodeError: int() has a limit, and so has the stack
        raise UnreadableError(str(error), _line_of_toml(text, error)) from None


def line_of(text: str, member: Member) -> int | None:
    """Return the line that sets `member`, or else what it is a part of; None if that is nowhere."""
    best, length = None, 0
    for number, place in _places(text):
        shared = place[: len(member)]  # all of it where a dotted key sets a part of the member
        if len(shared) > length and shared == member[: len(shared)]:
            best, length = number, len(shared)
    return best


def _places(text: str) -> Iterator[tuple[int, Member]]:
    """Yield each line that opens a table, sets a key or begins an item of a list, with what it sets."""
    counts: dict[Member, int] = {}  # the tables there are so far in each list of tables
    table: Member = ()
    items: Member | None = None  # the list whose items follow, a line each
    count = 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if items is not None:
            if stripped.startswith("]"):
                items = None
            elif stripped.startswith("{"):
                yield number, (*items, count)
                count += 1
            continue
        header = _HEADER.fullmatch(stripped)
        if header is not None:
            table = _opened(_names(header["keys"]), counts, is_item=header["double"] is not None)
            yield number, table
            continue
        key = _KEY.match(stripped)
        if key is not None:
            place = (*table, *_names(key["keys"]))
            yield number, place
            if key["value"].partition("#")[0].strip() == "[":
                items, count = place, 0


def _opened(names: tuple[str, ...], counts: dict[Member, int], *, is_item: bool) -> Member:
    """Return the table of that header: below a list of tables it is the last one's."""
    place: Member = ()
    for name in names[:-1]:
        place = (*place, name)
        if place in counts:
            place = (*place, counts[place] - 1)
    place = (*place, *names[-1:])
    if is_item:
        counts[place] = counts.get(place, 0) + 1
    return (*place, counts[place] - 1) if place in counts else place


def _names(keys: str) -> tuple[str, ...]:
    """Return the names in a dotted key."""
    try:
        value: object = tomllib.loads(f"{keys} = 0")
    except ValueError:
        return (keys.strip(),)
    names = []
    while isinstance(value, dict):
        ((name, value),) = value.items()
        names.append(name)
    return tuple(names)


def _content(path: Path) -> bytes:
    """Return what is in the file, which is one: a pipe or a device would keep us waiting."""
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "Not a regular file", str(path))
        return file.read()


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_NOCTTY)


def _line_of_toml(text: str, error: Exception) -> int | None:
    match = _TOML_LINE.search(str(error))
    if match is not None:
        return int(match[1])
    return len(text.splitlines()) or None if "at end of document" in str(error) else None

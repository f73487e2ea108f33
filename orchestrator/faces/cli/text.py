"""How text reaches a terminal: without control characters, whoever wrote it, and with figures that people read.

A script's log, a job's name and an error's sentence are other people's text; a terminal obeys what it is sent.
"""

import codecs
import io
import os
import re
import unicodedata
from datetime import UTC, datetime
from typing import IO, Any, Final

from orchestrator.model.plain_text import harmless

_BREAKS: Final = re.compile("[\t\n\r]+")


def in_one_line(text: str) -> str:
    """Return `text` harmless, with a space in place of line breaks and tabs."""
    return harmless(_BREAKS.sub(" ", text), keep="")


def columns_of(text: str) -> int:
    """Return how many columns of a terminal `text` takes: two for a wide character, none for a combining one."""
    return len(text) if text.isascii() else sum(_width(character) for character in text)


def cut(text: str, most: int) -> str:
    """Return the start of `text` that takes `most` columns of a terminal, or fewer."""
    taken = 0
    for place, character in enumerate(text):
        taken += _width(character)
        if taken > most:
            return text[:place]
    return text


def wrapped(text: str, width: int) -> list[str]:
    """Return `text` in lines of `width` columns that end between words; a longer word is broken."""
    lines = [""]
    for word in text.split():
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if columns_of(joined) <= width:
            lines[-1] = joined
            continue
        rest = word
        if not lines[-1]:
            lines.pop()
        while columns_of(rest) > width:
            start = cut(rest, width) or rest[0]
            lines.append(start)
            rest = rest[len(start) :]
        lines.append(rest)
    return lines


def _width(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def is_terminal(stream: IO[Any]) -> bool:
    """Say whether a person looks at `stream`."""
    return stream.isatty()


def wants_colour(stream: IO[Any]) -> bool:
    """Say whether `stream` may be coloured: a terminal, and nobody objects (https://no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def can_be_redrawn(stream: IO[Any]) -> bool:
    """Say whether lines of `stream` can be taken back: a terminal, and not one that knows nothing."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


class LogOutput:
    """Where the bytes of a log go: as they are to a file or pipe, and made harmless to a terminal."""

    def __init__(self, stream: IO[str], *, raw: bool = False) -> None:
        """Write to `stream`, a text stream over a binary one; `raw`: as it is to a terminal, too."""
        self.to_terminal: Final = is_terminal(stream)
        self._as_it_is = raw or not self.to_terminal
        self._stream = stream
        # A character may be cut in two between parts, and so may a line's end; a lone CR starts a new line here.
        decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._decoder = io.IncrementalNewlineDecoder(decoder, translate=True)

    def write(self, data: bytes, *, final: bool = False) -> None:
        """Write `data` through to the reader; `final` says that no more will come."""
        if not self._as_it_is:
            self._stream.write(harmless(self._decoder.decode(data, final=final)))
        else:
            self._stream.flush()
            self._stream.buffer.write(data)  # type: ignore[attr-defined]  # IO[str] does not name it; text streams have it
        self._stream.flush()


def duration(milliseconds: float | None) -> str:
    """Return a length of time: `350 ms`, `12.3 s`, `4 min 05 s`, `3 h 20 min`; `-` for None."""
    if milliseconds is None:
        return "-"
    seconds = milliseconds / 1000
    if seconds < 1:
        return f"{milliseconds:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def clock(seconds: float) -> str:
    """Return a length of time that goes on: `0:07`, `12:30`, `1:02:03`."""
    minutes, rest = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def size(bytes_: int | None) -> str:
    """Return an amount of memory: `512 B`, `3.4 MiB`; `-` for None."""
    if bytes_ is None:
        return "-"
    amount, unit = float(bytes_), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"


def moment(epoch_ms: int | None) -> str:
    """Return a time in the local zone, to the second; `-` for None."""
    if epoch_ms is None:
        return "-"
    return datetime.fromtimestamp(epoch_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def brief_moment(epoch_ms: int | None, now_ms: int, *, to_the_second: bool = False) -> str:
    """Return a time in the local zone, to the minute, without what it shares with `now_ms` of year or day; `-` for None."""
    if epoch_ms is None:
        return "-"
    at, now = (datetime.fromtimestamp(ms / 1000, UTC).astimezone() for ms in (epoch_ms, now_ms))
    day = "%m-%d " if at.year == now.year else "%Y-%m-%d "
    time = "%H:%M:%S" if to_the_second else "%H:%M"
    return at.strftime(time if at.date() == now.date() else day + time)

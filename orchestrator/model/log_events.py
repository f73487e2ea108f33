"""How the bytes of a log become events: one for each line, with the time at which it was written.

Where an event begins and ends depends on the bytes before and in it only, so that it is the same whoever reads on from
wherever, while the log grows.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

MAX_EVENT_BYTES: Final = 256 * 1024
"""A longer line is several events."""
_LONGEST_CHARACTER: Final = 4


@dataclass(frozen=True, slots=True)
class Times:
    """When each byte of a log was written, to about a second. The times never decrease."""

    offsets: list[int]
    times_ms: list[int]
    before_ms: int  # of what lies before the first mark

    @classmethod
    def of(cls, marks: Iterable[tuple[int, int]], *, started_on_ms: int, launched_on_ms: int | None) -> "Times":
        """Take the marks that a run left; without any, all that it wrote has the time of its launch."""
        rising: list[tuple[int, int]] = []
        for offset, at_ms in marks:
            if not rising or offset > rising[-1][0]:
                rising.append((offset, at_ms))
        if not rising:
            return cls([], [], launched_on_ms or started_on_ms)
        times = accumulate((at_ms for _, at_ms in rising), max, initial=started_on_ms)  # a clock may have been set back
        return cls([offset for offset, _ in rising], list(times)[1:], started_on_ms)

    def at(self, offset: int) -> int:
        """Return the time of an event that begins at `offset`."""
        index = bisect_right(self.offsets, offset) - 1
        return self.times_ms[index] if index >= 0 else self.before_ms

    def first_offset(self, at_ms: int) -> int | None:
        """Return the offset from which on events are of `at_ms` or later; None if there is none so far."""
        if self.before_ms >= at_ms:
            return 0
        index = bisect_left(self.times_ms, at_ms)
        return self.offsets[index] if index < len(self.offsets) else None


def spans(data: bytes, *, is_last: bool) -> Iterator[tuple[int, int]]:
    """Yield where each event in `data` begins and ends; `data` begins with an event.

    A last line without its newline is an event only if nothing can follow (`is_last`).
    """
    start, length = 0, len(data)
    while start < length:
        newline = data.find(b"\n", start, start + MAX_EVENT_BYTES)
        if newline >= 0:
            end = newline + 1
        elif length - start > MAX_EVENT_BYTES:
            end = _character_start(data, start + MAX_EVENT_BYTES)
        elif is_last:
            end = length
        else:
            return
        yield start, end
        start = end


def _character_start(data: bytes, index: int) -> int:
    """Return where the UTF-8 character begins that has a byte at `index`; `index` itself, if that is none."""
    for start in range(index, index - _LONGEST_CHARACTER, -1):
        if data[start] & 0b1100_0000 != 0b1000_0000:
            return start
    return index

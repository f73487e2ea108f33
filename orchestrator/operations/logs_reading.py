"""Reads the log of one run as events, forwards and backwards, from any place in it."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

import anyio.to_thread

from orchestrator.executors.interface import LogExtent
from orchestrator.model.log_events import Times, spans
from orchestrator.model.log_streams import LoggedRun, LogGroup
from orchestrator.operations.context import Context

PAGE_EVENTS: Final = 10_000
PAGE_BYTES: Final = 1024 * 1024
_SEARCHED_BYTES: Final = 8 * 1024 * 1024  # how much one call looks through for lines that match
_CHUNK_BYTES: Final = 1024 * 1024  # more than the longest event
_STEP_BYTES: Final = 64 * 1024
_LINE_BYTES: Final = 64 * 1024 * 1024  # how far back the beginning of a line is looked for; an event is much shorter


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a run's log."""

    run: LoggedRun
    offset: int
    end: int
    at_ms: int
    message: str  # with its newline, which is how Glue's own come


class Page:
    """The events of one answer, as many as fit."""

    def __init__(self, limit: int | None, matches: Callable[[str], bool] = bool) -> None:
        """Begin with none. A line is taken if it `matches`."""
        self.events: list[Event] = []
        self.is_full = False
        self._limit = limit or PAGE_EVENTS
        self._matches = matches
        self._left_bytes = PAGE_BYTES
        self._left_to_search_bytes = _SEARCHED_BYTES

    def take(self, run: LoggedRun, offset: int, data: bytes, times: Times, *, before: int | None, is_last: bool) -> int:
        """Take the events of `data`, which begins at `offset`, up to one behind `before`; return how much was read."""
        taken = 0
        for start, end in spans(data, is_last=is_last):
            if before is not None and offset + start >= before:
                break
            text = data[start:end].decode(errors="replace")
            if self._matches(text):
                if len(self.events) >= self._limit or (self.events and end - start > self._left_bytes):
                    self.is_full = True
                    break
                self._left_bytes -= end - start
                self.events.append(Event(run, offset + start, offset + end, times.at(offset + start), text))
            taken = end
        self._left_to_search_bytes -= taken
        self.is_full |= self._left_to_search_bytes <= 0
        return taken


class LogReader:
    """A run's log as it is at one moment: what comes later is not seen."""

    def __init__(self, ctx: Context, run: LoggedRun, group: LogGroup, extent: LogExtent) -> None:
        """Keep what `open_log` found out."""
        self.run = run
        self.size = extent.size_bytes
        self.times = Times.of(extent.marks, started_on_ms=run.started_on_ms, launched_on_ms=run.launched_on_ms)
        self._read = partial(ctx.executor.read_log, run.id, group.stream)

    async def read_forward(self, offset: int, page: Page, *, since_ms: int | None, before_ms: int | None) -> int | None:
        """Put the events from `offset` on into the page; return where to go on, or None if nothing can follow."""
        before = None if before_ms is None else self.times.first_offset(before_ms)
        begin = await self.begin_of(since_ms, offset)
        if begin is None:
            return None if self.run.has_ended else offset
        offset = begin
        while offset < self.size and not page.is_full and (before is None or offset < before):
            data = await self._read(offset=offset, limit=min(_CHUNK_BYTES, self.size - offset))
            is_last = self.run.has_ended and offset + len(data) >= self.size
            take = partial(page.take, self.run, offset, data, self.times, before=before, is_last=is_last)
            taken = await anyio.to_thread.run_sync(take)
            offset += taken
            if not taken and not page.is_full:  # an unfinished line
                return offset if data and not self.run.has_ended else None
        is_over = before is not None and offset >= before
        return None if is_over or (self.run.has_ended and offset >= self.size) else offset

    async def read_backward(self, end: int, page_limit: int | None, *, since_ms: int | None) -> list[Event]:
        """Return the last events before `end`, where an event ends, in their order."""
        begin = await self.begin_of(since_ms, 0)
        if begin is None:
            return []
        found: deque[tuple[int, int]] = deque(maxlen=page_limit or PAGE_EVENTS)
        offset = await self.line_start(max(0, end - PAGE_BYTES))
        while offset < end:
            data = await self._read(offset=offset, limit=min(_CHUNK_BYTES, end - offset))
            is_last = offset + len(data) >= end
            events = await anyio.to_thread.run_sync(partial(_all_spans, data, is_last=is_last))
            if not events:
                break
            found.extend((offset + first, offset + last) for first, last in events)
            offset += events[-1][1]
        kept = [(first, last) for first, last in found if first >= max(begin, end - PAGE_BYTES)]
        start = kept[0][0] if kept else end
        data = await self._read(offset=start, limit=end - start)
        return [
            Event(
                self.run, first, last, self.times.at(first), data[first - start : last - start].decode(errors="replace")
            )
            for first, last in kept
        ]

    async def begin_of(self, since_ms: int | None, offset: int) -> int | None:
        """Return where the first event at or behind `offset` begins that is not older than `since_ms`, if there is one."""
        earliest = 0 if since_ms is None else self.times.first_offset(since_ms)
        if earliest is None:
            return None
        if earliest <= offset:
            return offset
        begin = await self.event_start(earliest)
        return begin if begin >= earliest else None

    async def end_of(self, before_ms: int | None) -> int:
        """Return where the last event ends that is older than `before_ms`."""
        before = None if before_ms is None else self.times.first_offset(before_ms)
        if before is not None:
            return await self.event_start(before)
        return self.size if self.run.has_ended else await self.event_start(self.size)

    async def event_start(self, offset: int) -> int:
        """Return where the first event at or behind `offset` begins, or where the line begins that has no end so far."""
        start = await self.line_start(offset)
        while start < offset:
            data = await self._read(offset=start, limit=min(_CHUNK_BYTES, self.size - start))
            is_last = self.run.has_ended and start + len(data) >= self.size
            ends = (start + end for _, end in spans(data, is_last=is_last))
            reached = start
            for reached in ends:
                if reached >= offset:
                    return reached
            if reached == start:
                return start
            start = reached
        return start

    async def line_start(self, offset: int) -> int:
        """Return where the line begins that has the byte at `offset`; of one without end, a place in it."""
        earliest = max(0, offset - _LINE_BYTES)
        while offset > earliest:
            begin = max(earliest, offset - _STEP_BYTES)
            data = await self._read(offset=begin, limit=offset - begin)
            newline = data.rfind(b"\n")
            if newline >= 0:
                return begin + newline + 1
            offset = begin
        return earliest


def _all_spans(data: bytes, *, is_last: bool) -> list[tuple[int, int]]:
    return list(spans(data, is_last=is_last))


async def open_log(ctx: Context, run: LoggedRun, group: LogGroup) -> LogReader:
    """Return a reader of what the run has written by now. The run is as it was read before: what has ended writes no more."""
    return LogReader(ctx, run, group, await ctx.executor.log_extent(run.id, group.stream))

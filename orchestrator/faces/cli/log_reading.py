"""Reading a run's log from somewhere: all of it, the last lines, or what was written since a time."""

from collections.abc import Iterator
from typing import Final

from orchestrator.faces.cli.answers import Stream
from orchestrator.faces.cli.client import Client, LogPart
from orchestrator.faces.cli.text import LogOutput

_FIRST_TAIL: Final = 64 * 1024
_PER_LINE: Final = 120
_WIDER: Final = 8
_PROBE_BYTES: Final = 1


def read_log(client: Client, run_id: str, stream: Stream, output: LogOutput, *, offset: int = 0) -> None:
    """Write what there is of a run's log now, from `offset` on."""
    for part in _parts(client, run_id, stream, offset=offset):
        output.write(part.data, final=part.is_last or not part.data)


def start_of(client: Client, run_id: str, stream: Stream, *, lines: int | None, since_ms: int | None) -> int:
    """Return where to begin: with the last `lines` lines, and not before what was written at `since_ms`."""
    first = 0
    if since_ms is not None:
        first = client.log(run_id, stream, since_ms=since_ms, limit=_PROBE_BYTES).offset
    return first if lines is None else _start_of_last(client, run_id, stream, lines, first)


def _start_of_last(client: Client, run_id: str, stream: Stream, lines: int, first: int) -> int:
    tail = max(_FIRST_TAIL, lines * _PER_LINE)
    while True:
        begins = max(first, client.log(run_id, stream, tail_bytes=tail, limit=_PROBE_BYTES).offset)
        data = b"".join(part.data for part in _parts(client, run_id, stream, offset=begins))
        place = _before_last(data, lines)
        if place is not None or begins <= first:
            return begins + (place or 0)
        tail *= _WIDER


def _before_last(data: bytes, lines: int) -> int | None:
    """Return where the last `lines` lines of `data` begin, if something stands before them. What is left open is a line."""
    place = len(data)
    if lines == 0:
        return place
    if data.endswith(b"\n"):
        place -= 1
    for _ in range(lines):
        place = data.rfind(b"\n", 0, place)
        if place < 0:
            return None
    return place + 1


def _parts(client: Client, run_id: str, stream: Stream, *, offset: int) -> Iterator[LogPart]:
    while True:
        part = client.log(run_id, stream, offset=offset)
        yield part
        if part.is_last or not part.data:
            return
        offset = part.next_offset

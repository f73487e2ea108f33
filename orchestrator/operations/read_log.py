"""Where to begin in a run's log: so far from its end, or at a moment. Not an action of Glue's."""

from typing import Final

from orchestrator.executors.interface import Stream
from orchestrator.model.ids import JobRunId
from orchestrator.model.log_streams import LogGroup
from orchestrator.operations.context import Context
from orchestrator.operations.logs_reading import LogReader, open_log
from orchestrator.store import log_streams

_LONG_BYTES: Final = 64 * 1024


async def find_beginning(
    ctx: Context, run_id: JobRunId, stream: Stream, *, tail_bytes: int | None, since_ms: int | None
) -> int:
    """Return where the first line begins that is at most `tail_bytes` from the end and of `since_ms` or later.

    Where the last line is longer, it is begun at, or, where it is very long, in it. The size of the log, where nothing is
    so late.
    """
    run = await ctx.database.read(lambda tx: log_streams.find(tx, run_id), is_short=True)
    if run is None:  # it has not been launched, so it has written nothing
        return 0
    group = LogGroup(name="", is_shell=False, stream=stream)
    reader = await open_log(ctx, run, group)
    earliest = 0
    if tail_bytes is not None and tail_bytes < reader.size:
        earliest = await _line_near(reader, reader.size - tail_bytes)
    begin = await reader.begin_of(since_ms, earliest)
    return reader.size if begin is None else begin


async def _line_near(reader: LogReader, offset: int) -> int:
    """Return where a line begins at or behind `offset`; where none does, the last one; where that is too long, `offset`."""
    begin = await reader.event_start(offset)
    if offset <= begin < reader.size or offset == reader.size:
        return begin
    last = await reader.line_start(offset)
    return last if offset - last <= _LONG_BYTES else offset

"""Where to begin in a run's log: so far from its end, or at a moment. Not an action of Glue's."""

from orchestrator.executors.interface import Stream
from orchestrator.model.ids import JobRunId
from orchestrator.model.log_streams import LogGroup
from orchestrator.operations.context import Context
from orchestrator.operations.logs_reading import open_log
from orchestrator.store import log_streams


async def find_beginning(
    ctx: Context, run_id: JobRunId, stream: Stream, *, tail_bytes: int | None, since_ms: int | None
) -> int:
    """Return where the line begins that is `tail_bytes` from the end and was written at `since_ms` or later.

    The size of the log, where nothing is so late. A line that is longer than the tail is begun in.
    """
    run = await ctx.database.read(lambda tx: log_streams.find(tx, run_id), is_short=True)
    if run is None:  # it has not been launched, so it has written nothing
        return 0
    group = LogGroup(name="", is_shell=False, stream=stream)
    reader = await open_log(ctx, run, group)
    earliest = 0
    if tail_bytes is not None and tail_bytes < reader.size:
        earliest = reader.size - tail_bytes
        earliest = max(earliest, await reader.event_start(earliest))
    begin = await reader.begin_of(since_ms, earliest)
    return reader.size if begin is None else begin

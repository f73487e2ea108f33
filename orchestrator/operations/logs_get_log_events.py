"""GetLogEvents."""

from typing import Final

from orchestrator.model.log_errors import LogParameterError
from orchestrator.model.log_streams import named_group
from orchestrator.operations.context import Context
from orchestrator.operations.logs_reading import Page, open_log
from orchestrator.operations.logs_selection import named
from orchestrator.wire.logs_shapes import GetLogEventsRequest, GetLogEventsResponse, OutputLogEvent
from orchestrator.wire.paging import decode_token, encode_token
from orchestrator.wire.text import shown

_FORWARD: Final = "f/"
_BACKWARD: Final = "b/"


async def get_log_events(ctx: Context, request: GetLogEventsRequest) -> GetLogEventsResponse:
    """Return lines of one stream, from its end backwards or from its beginning on, as the token or the request says.

    At the end (or the beginning) of the stream, the token for that direction is the one that was given.

    Raises:
        LogParameterError: the group is named in two ways, or in none; or it is no token.
        LogNotFoundError: no such group or stream.
        InvalidInputError: not a token of this stream.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
    """
    group = named_group(request.log_group_name, request.log_group_identifier)
    (run,) = await ctx.database.read(lambda tx: named(tx, group, [request.log_stream_name]))
    scope = f"{group.name}\n{run.id}"
    reader = await open_log(ctx, run, group)
    direction, token = (request.next_token or "")[:2], (request.next_token or "")[2:]
    if direction not in ("", _FORWARD, _BACKWARD):
        raise LogParameterError(f"The specified nextToken is invalid: '{shown(request.next_token)}'.")
    offset = decode_token(token, direction, int, scope)
    if direction == _FORWARD or (not direction and request.start_from_head):
        page, start = Page(request.limit), offset or 0
        await reader.read_forward(start, page, since_ms=request.start_time, before_ms=request.end_time)
        events = page.events
    else:
        last = await reader.end_of(request.end_time)
        start = last if offset is None else min(offset, last)
        events = await reader.read_backward(start, request.limit, since_ms=request.start_time)
    begin, end = (events[0].offset, events[-1].end) if events else (start, start)
    return GetLogEventsResponse(
        events=[
            OutputLogEvent(timestamp=event.at_ms, message=event.message, ingestion_time=event.at_ms) for event in events
        ],
        next_forward_token=_FORWARD + encode_token(_FORWARD, end, scope),
        next_backward_token=_BACKWARD + encode_token(_BACKWARD, begin, scope),
    )

"""The table of the log API's actions."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from orchestrator.operations.context import Context
from orchestrator.operations.logs_describe_log_groups import describe_log_groups
from orchestrator.operations.logs_describe_log_streams import describe_log_streams
from orchestrator.operations.logs_filter_log_events import filter_log_events
from orchestrator.operations.logs_get_log_events import get_log_events
from orchestrator.wire import logs_shapes
from orchestrator.wire.shape import Shape

ACTIONS: Final[Mapping[type[Shape], Callable[[Context, Any], Awaitable[Shape]]]] = MappingProxyType(
    {
        logs_shapes.DescribeLogGroupsRequest: describe_log_groups,
        logs_shapes.DescribeLogStreamsRequest: describe_log_streams,
        logs_shapes.FilterLogEventsRequest: filter_log_events,
        logs_shapes.GetLogEventsRequest: get_log_events,
    }
)


async def perform(ctx: Context, request: Shape) -> Shape:
    """Answer a request, whose shape says which action it is."""
    return await ACTIONS[type(request)](ctx, request)

"""The table of the actions that are ours and not Glue's."""

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from orchestrator.operations.context import Context
from orchestrator.operations.read_files import read_files
from orchestrator.operations.set_job_bookmark import set_job_bookmark
from orchestrator.wire import own_shapes
from orchestrator.wire.shape import Shape

ACTIONS: Final[Mapping[type[Shape], Callable[[Context, Any], Awaitable[Shape]]]] = MappingProxyType(
    {
        own_shapes.ReadFilesRequest: read_files,
        own_shapes.SetJobBookmarkRequest: set_job_bookmark,
    }
)


async def perform(ctx: Context, request: Shape) -> Shape:
    """Answer a request, whose shape says which action it is."""
    return await ACTIONS[type(request)](ctx, request)

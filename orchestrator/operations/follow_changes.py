"""What has changed, page by page, for those who follow. Not an action of Glue's."""

from collections.abc import Sequence
from functools import partial
from typing import Final

from orchestrator.model.records import Change
from orchestrator.operations.context import Context
from orchestrator.store import changes
from orchestrator.store.changes import Span

PAGE: Final = 200


async def changes_after(ctx: Context, after_seq: int) -> Sequence[Change]:
    """Return the next changes, up to 200, the oldest first."""
    return await ctx.database.read(partial(changes.list_page, after_seq=after_seq, limit=PAGE))


async def span_of_changes(ctx: Context) -> Span:
    """Return which changes are kept."""
    return await ctx.database.read(changes.span, is_short=True)

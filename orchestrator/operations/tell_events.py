"""Events reach the log, one line each, in EventBridge's shape. Other outlets would read the same rows at their own pace."""

from functools import partial
from typing import Final

import anyio
import structlog
from anyio import TASK_STATUS_IGNORED
from anyio.abc import TaskStatus

from orchestrator.operations.context import Context
from orchestrator.store import events
from orchestrator.wire.events import event_shape

log = structlog.stdlib.get_logger()
_PAGE: Final = 200
_PAUSE_S: Final = 0.05
"""Ends that come close together are read together: the lines are for people, the rows do not wait."""


async def tell_events(ctx: Context, region: str, *, task_status: TaskStatus[None] = TASK_STATUS_IGNORED) -> None:
    """Log every event that is committed from now on, until cancelled. The rows are what lasts; the lines are for people."""
    last_seq = await ctx.database.read(events.last_seq)
    task_status.started()
    while True:
        rung = ctx.supervisor.ended.listen()
        page = await ctx.database.read(partial(events.list_page, after_seq=last_seq, limit=_PAGE))
        for event in page:
            log.info("glue_event", **event_shape(event, region))
            last_seq = event.seq
        if len(page) < _PAGE:
            await rung.wait()
            await anyio.sleep(_PAUSE_S)

"""How a look waits until what it looks at has changed: by bell."""

from collections.abc import Awaitable, Callable

import anyio

from orchestrator.operations.context import Context


async def until_changed(ctx: Context, has_changed: Callable[[], Awaitable[bool]], *, within_s: float) -> None:
    """Return when `has_changed` says so, when the time is over, or when the daemon ends. With no time, at once."""
    with anyio.move_on_after(within_s):
        while within_s:
            rung = ctx.supervisor.changed.listen()
            if await has_changed() or ctx.closing.is_set():
                break
            await rung.wait()

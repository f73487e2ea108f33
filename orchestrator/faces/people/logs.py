"""The logs of runs, as their scripts wrote them.

Waiting is by bell; only a log that grows has none: while somebody follows one, its size is looked at once a second.
"""

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

import anyio
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from orchestrator.executors.interface import Stream
from orchestrator.faces.people.answers import HEADERS
from orchestrator.faces.people.query import MAX_WAIT_S, is_set, moment, number, run_id_of, stream_of
from orchestrator.model.ids import JobRunId
from orchestrator.operations.context import Context
from orchestrator.operations.look_up_runs import get_run
from orchestrator.operations.read_log import find_beginning

MAX_LOG_BYTES: Final = 1024 * 1024
_MAX_OFFSET: Final = 2**62
_LOG_INTERVAL_S: Final = 1.0
_BYTES: Final = "application/octet-stream"
_AS_BYTES: Final = HEADERS  # whatever the script wrote, no browser takes it for a page


def routes(ctx: Context) -> list[Route]:
    """Return the routes over `ctx`. What a script wrote is told byte by byte: whoever may call may read the file."""

    async def log(request: Request) -> Response:
        run_id, stream, query = run_id_of(request), stream_of(request), request.query_params
        limit = number(query, "limit", MAX_LOG_BYTES, MAX_LOG_BYTES, least=1)
        offset = number(query, "offset", 0, _MAX_OFFSET)
        tail_bytes = number(query, "tail_bytes", 0, _MAX_OFFSET) if "tail_bytes" in query else None
        wait_s = number(query, "wait_s", 0.0, MAX_WAIT_S)
        since_ms = moment(query, "since_ms")
        if tail_bytes is not None or since_ms is not None:
            await get_run(ctx, run_id)
            begin = await find_beginning(ctx, run_id, stream, tail_bytes=tail_bytes, since_ms=since_ms)
            offset = max(offset, begin)
        if is_set(query, "download"):
            return _download(ctx, run_id, stream, offset)
        until = anyio.current_time() + wait_s
        while True:
            rung = ctx.supervisor.changed.listen()
            has_ended = (await get_run(ctx, run_id)).is_terminal  # before the read: what ended writes no more
            data = await ctx.executor.read_log(run_id, stream, offset=offset, limit=limit)
            is_complete = has_ended and len(data) < limit
            left_s = until - anyio.current_time()
            if data or is_complete or left_s <= 0 or ctx.closing.is_set():
                break
            with anyio.move_on_after(min(left_s, _LOG_INTERVAL_S)):
                await rung.wait()
        headers = {
            "x-log-offset": str(offset),
            "x-log-next-offset": str(offset + len(data)),
            "x-log-complete": str(is_complete).lower(),
            **_AS_BYTES,
        }
        return Response(data, media_type=_BYTES, headers=headers)

    return [Route("/runs/{run_id}/log/{stream:str}", log, methods=["GET"])]


def _download(ctx: Context, run_id: JobRunId, stream: Stream, offset: int) -> Response:
    """Return all that the log has by now, to be saved."""

    async def parts() -> AsyncIterator[bytes]:
        read, begin = partial(ctx.executor.read_log, run_id, stream), offset
        end = (await ctx.executor.log_extent(run_id, stream)).size_bytes
        while begin < end and (data := await read(offset=begin, limit=min(MAX_LOG_BYTES, end - begin))):
            yield data
            begin += len(data)

    headers = {"content-disposition": f'attachment; filename="{run_id}.{stream}.log"', **_AS_BYTES}
    return StreamingResponse(parts(), media_type=_BYTES, headers=headers)

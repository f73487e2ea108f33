"""Plain GET routes for people and the command line: runs over all jobs, a run's history, its log; all can wait.

Waiting is by bell. Only a log that grows has none: while somebody follows one, its size is looked at once a second.
"""

import re
from typing import Final, cast

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.executors.interface import Stream
from orchestrator.faces import people_chains
from orchestrator.faces.people_query import MAX_WAIT_S, number, run_id_of
from orchestrator.faces.people_views import run_view, step_view, workflow_run_name
from orchestrator.model.errors import InvalidInputError
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.operations.look_up_runs import find_by_prefix, get_run, get_run_in_full, list_runs

MAX_LOG_BYTES: Final = 1024 * 1024
_MAX_LIMIT: Final = 1000
_LOG_INTERVAL_S: Final = 1.0
_PREFIX: Final = re.compile(r"(?:jr_)?([0-9a-f]{0,64})")


def routes(ctx: Context, redaction: Redaction) -> list[Route]:
    """Return the routes over `ctx`; what they show of arguments and properties goes through `redaction`."""

    async def runs(request: Request) -> Response:
        query = request.query_params
        limit = number(query, "limit", 50, _MAX_LIMIT)
        prefix = query.get("prefix")
        if prefix is not None:
            match = _PREFIX.fullmatch(prefix)
            found = await find_by_prefix(ctx, match[1], limit=limit) if match else []
        else:
            found = await list_runs(ctx, job=query.get("job"), state=query.get("state"), limit=limit)
        now_ms, waits = ctx.now_ms(), ctx.supervisor.waits()
        return JSONResponse({"runs": [run_view(run, now_ms=now_ms, waits=waits, redaction=redaction) for run in found]})

    async def run(request: Request) -> Response:
        run_id = run_id_of(request)
        seen = request.query_params.get("seen_state")
        wait_s = number(request.query_params, "wait_s", 0.0, MAX_WAIT_S)
        with anyio.move_on_after(wait_s):
            while wait_s:
                rung = ctx.supervisor.changed.listen()
                now = await get_run(ctx, run_id)
                if seen is None or now.state != seen or now.is_terminal or ctx.closing.is_set():
                    break
                await rung.wait()
        found = await get_run_in_full(ctx, run_id)
        return JSONResponse(
            {
                "run": run_view(found.run, now_ms=ctx.now_ms(), waits=ctx.supervisor.waits(), redaction=redaction),
                "workflow_run": None if found.workflow_run is None else workflow_run_name(found.workflow_run),
                "history": [step_view(step) for step in found.history],
                "directory": ctx.executor.place(run_id),
            }
        )

    async def log(request: Request) -> Response:
        run_id, stream = run_id_of(request), _stream_of(request)
        offset = number(request.query_params, "offset", 0, 2**62)
        wait_s = number(request.query_params, "wait_s", 0.0, MAX_WAIT_S)
        until = anyio.current_time() + wait_s
        while True:
            rung = ctx.supervisor.changed.listen()
            has_ended = (await get_run(ctx, run_id)).is_terminal  # before the read: what ended writes no more
            data = await ctx.executor.read_log(run_id, stream, offset=offset, limit=MAX_LOG_BYTES)
            is_complete = has_ended and len(data) < MAX_LOG_BYTES
            left_s = until - anyio.current_time()
            if data or is_complete or left_s <= 0 or ctx.closing.is_set():
                break
            with anyio.move_on_after(min(left_s, _LOG_INTERVAL_S)):
                await rung.wait()
        headers = {
            "x-log-next-offset": str(offset + len(data)),
            "x-log-complete": str(is_complete).lower(),
            "x-content-type-options": "nosniff",  # whatever the script wrote, no browser takes it for a page
        }
        return Response(data, media_type="application/octet-stream", headers=headers)

    return [
        Route("/runs", runs, methods=["GET"]),
        Route("/runs/{run_id}", run, methods=["GET"]),
        Route("/runs/{run_id}/log/{stream:str}", log, methods=["GET"]),
        *people_chains.routes(ctx, redaction),
    ]


def _stream_of(request: Request) -> Stream:
    stream = request.path_params["stream"]
    if stream not in ("stdout", "stderr"):
        sentence = f"'{stream}' is no stream of a run; it is stdout or stderr."
        raise InvalidInputError(sentence)
    return cast("Stream", stream)

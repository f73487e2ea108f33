"""Plain GET routes for people and the command line: runs over all jobs, a run's history, its log; all can wait.

Waiting is by bell. Only a log that grows has none: while somebody follows one, its size is looked at once a second.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar, cast

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.executors.interface import Stream
from orchestrator.model.errors import EntityNotFoundError, InvalidInputError
from orchestrator.model.ids import JobRunId, parse_job_run_id
from orchestrator.model.records import JobRun, Transition
from orchestrator.operations.context import Context
from orchestrator.operations.look_up_runs import find_by_prefix, get_run, get_run_with_history, list_runs
from orchestrator.operations.views import execution_time_s

MAX_WAIT_S: Final = 60.0
MAX_LOG_BYTES: Final = 1024 * 1024
_MAX_LIMIT: Final = 1000
_LOG_INTERVAL_S: Final = 1.0
_Number = TypeVar("_Number", int, float)
_PREFIX: Final = re.compile(r"(?:jr_)?([0-9a-f]{0,64})")


def routes(ctx: Context) -> list[Route]:
    """Return the routes over `ctx`."""

    async def runs(request: Request) -> Response:
        query = request.query_params
        limit = _number(query, "limit", 50, _MAX_LIMIT)
        prefix = query.get("prefix")
        if prefix is not None:
            match = _PREFIX.fullmatch(prefix)
            found = await find_by_prefix(ctx, match[1], limit=limit) if match else []
        else:
            found = await list_runs(ctx, job=query.get("job"), state=query.get("state"), limit=limit)
        return JSONResponse({"runs": [_run(ctx, run) for run in found]})

    async def run(request: Request) -> Response:
        run_id = _run_id(request)
        seen = request.query_params.get("seen_state")
        wait_s = _number(request.query_params, "wait_s", 0.0, MAX_WAIT_S)
        with anyio.move_on_after(wait_s):
            while wait_s:
                rung = ctx.supervisor.changed.listen()
                now = await get_run(ctx, run_id)
                if seen is None or now.state != seen or now.is_terminal or ctx.closing.is_set():
                    break
                await rung.wait()
        current, history = await get_run_with_history(ctx, run_id)
        return JSONResponse(
            {
                "run": _run(ctx, current),
                "history": [_step(step) for step in history],
                "directory": ctx.executor.place(run_id),
            }
        )

    async def log(request: Request) -> Response:
        run_id = _run_id(request)
        stream = cast("Stream", request.path_params["stream"])
        offset = _number(request.query_params, "offset", 0, 2**62)
        wait_s = _number(request.query_params, "wait_s", 0.0, MAX_WAIT_S)
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
        headers = {"x-log-next-offset": str(offset + len(data)), "x-log-complete": str(is_complete).lower()}
        return Response(data, media_type="application/octet-stream", headers=headers)

    return [
        Route("/runs", runs, methods=["GET"]),
        Route("/runs/{run_id}", run, methods=["GET"]),
        Route("/runs/{run_id}/log/{stream:str}", log, methods=["GET"]),
    ]


def _run_id(request: Request) -> JobRunId:
    text = request.path_params["run_id"]
    stream = request.path_params.get("stream", "stdout")
    run_id = parse_job_run_id(text)
    if run_id is None:
        raise EntityNotFoundError.run(text, "any job")
    if stream not in ("stdout", "stderr"):
        sentence = f"'{stream}' is no stream of a run; it is stdout or stderr."
        raise InvalidInputError(sentence)
    return run_id


def _number(query: Mapping[str, str], name: str, default: _Number, most: _Number) -> _Number:
    text = query.get(name)
    if text is None:
        return default
    try:
        number = type(most)(text)
    except ValueError:
        number = most + 1
    if not 0 <= number <= most:
        sentence = f"{name} is '{text[:40]}'; it must be a number between 0 and {most}."
        raise InvalidInputError(sentence)
    return number


def _run(ctx: Context, run: JobRun) -> dict[str, Any]:
    wait = None if run.is_terminal else ctx.supervisor.waits().get(run.id)
    figures = run.figures
    return {
        "id": str(run.id),
        "job_name": run.job_name,
        "state": run.state,
        "state_detail": wait.reason if wait else None,
        "attempt": run.id.attempt,
        "started_on_ms": run.started_on_ms,
        "launched_on_ms": run.launched_on_ms,
        "completed_on_ms": run.completed_on_ms,
        "execution_time_s": execution_time_s(run, ctx.now_ms()),
        "dpu": run.capacity.dpu,
        "error_message": run.error_message,
        "exit_code": figures.exit_code,
        "exit_signal": figures.exit_signal,
        "wall_ms": figures.wall_ms,
        "cpu_ms": figures.cpu_ms,
        "peak_process_rss_bytes": figures.peak_process_rss_bytes,
        "peak_tree_rss_bytes": figures.peak_tree_rss_bytes,
        "arguments": dict(run.arguments),
    }


def _step(step: Transition) -> dict[str, Any]:
    return {
        "seq": step.seq,
        "from_state": step.from_state,
        "event": step.event,
        "to_state": step.to_state,
        "at_ms": step.at_ms,
    }

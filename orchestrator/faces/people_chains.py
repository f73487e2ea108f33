"""Plain GET routes for people and the command line: triggers, workflows and their runs, and why a run is as it is."""

import re
from typing import Final

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.faces.people_query import MAX_WAIT_S, number, run_id_of
from orchestrator.faces.people_views import (
    chain_view,
    explanation_view,
    trigger_view,
    workflow_run_view,
    workflow_view,
)
from orchestrator.operations.context import Context
from orchestrator.operations.explain_run import explain_run
from orchestrator.operations.look_up_triggers import get_trigger_seen, list_triggers_seen
from orchestrator.operations.look_up_workflows import (
    list_workflow_runs,
    look_up_workflow,
    look_up_workflow_run,
    workflow_run_status,
)

LATEST: Final = 10
_MAX_LIMIT: Final = 100
_PREFIX: Final = re.compile(r"(?:wr_)?([0-9a-f]{0,64})")


def routes(ctx: Context) -> list[Route]:
    """Return the routes over `ctx`. Names may hold a slash."""

    async def triggers(request: Request) -> Response:
        del request
        found = await list_triggers_seen(ctx)
        return JSONResponse({"now_ms": ctx.now_ms(), "triggers": [trigger_view(seen) for seen in found]})

    async def trigger(request: Request) -> Response:
        seen = await get_trigger_seen(ctx, request.path_params["name"])
        return JSONResponse({"now_ms": ctx.now_ms(), "trigger": trigger_view(seen)})

    async def explain(request: Request) -> Response:
        seen = await explain_run(ctx, run_id_of(request))
        return JSONResponse(explanation_view(seen, now_ms=ctx.now_ms(), waits=ctx.supervisor.waits()))

    async def workflow(request: Request) -> Response:
        seen = await look_up_workflow(ctx, request.path_params["name"], limit=LATEST)
        return JSONResponse(
            {
                "now_ms": ctx.now_ms(),
                "workflow": workflow_view(seen.workflow),
                "triggers": [trigger_view(one) for one in seen.triggers],
                "runs": [workflow_run_view(run) for run in seen.runs],
            }
        )

    async def workflow_runs(request: Request) -> Response:
        limit = number(request.query_params, "limit", LATEST, _MAX_LIMIT)
        match = _PREFIX.fullmatch(request.query_params.get("prefix", ""))
        name = request.path_params["name"]
        found = await list_workflow_runs(ctx, name, hex_prefix=match[1], limit=limit) if match else []
        return JSONResponse({"runs": [workflow_run_view(run) for run in found]})

    async def workflow_run(request: Request) -> Response:
        name, run_id = request.path_params["name"], request.path_params["run_id"]
        seen = request.query_params.get("seen_status")
        wait_s = number(request.query_params, "wait_s", 0.0, MAX_WAIT_S)
        with anyio.move_on_after(wait_s):
            while wait_s:
                rung = ctx.supervisor.changed.listen()
                now = await workflow_run_status(ctx, name, run_id)
                if seen is None or now.status != seen or not now.is_live or ctx.closing.is_set():
                    break
                await rung.wait()
        found = await look_up_workflow_run(ctx, name, run_id)
        return JSONResponse(
            {
                "now_ms": ctx.now_ms(),
                "workflow_run": workflow_run_view(found),
                "chain": chain_view(found.chain),
            }
        )

    return [
        Route("/triggers", triggers, methods=["GET"]),
        Route("/triggers/{name:path}", trigger, methods=["GET"]),
        Route("/runs/{run_id}/explain", explain, methods=["GET"]),
        Route("/workflows/{name:path}/runs/{run_id}", workflow_run, methods=["GET"]),
        Route("/workflows/{name:path}/runs", workflow_runs, methods=["GET"]),
        Route("/workflows/{name:path}", workflow, methods=["GET"]),
    ]

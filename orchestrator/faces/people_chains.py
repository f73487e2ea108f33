"""Plain GET routes for people and the command line: triggers, and why a run is as it is; and those of workflows."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator.faces import people_workflows
from orchestrator.faces.people_query import run_id_of
from orchestrator.faces.people_views import explanation_view, trigger_view
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.operations.explain_run import explain_run
from orchestrator.operations.look_up_triggers import get_trigger_seen, list_triggers_seen


def routes(ctx: Context, redaction: Redaction) -> list[Route]:
    """Return the routes over `ctx`; what they show of arguments and properties goes through `redaction`. Names may hold slashes."""

    async def triggers(request: Request) -> Response:
        del request
        found = await list_triggers_seen(ctx)
        return JSONResponse({"now_ms": ctx.now_ms(), "triggers": [trigger_view(seen) for seen in found]})

    async def trigger(request: Request) -> Response:
        seen = await get_trigger_seen(ctx, request.path_params["name"])
        return JSONResponse({"now_ms": ctx.now_ms(), "trigger": trigger_view(seen)})

    async def explain(request: Request) -> Response:
        seen = await explain_run(ctx, run_id_of(request))
        return JSONResponse(
            explanation_view(seen, now_ms=ctx.now_ms(), waits=ctx.supervisor.waits(), redaction=redaction)
        )

    return [
        Route("/triggers", triggers, methods=["GET"]),
        Route("/triggers/{name:path}", trigger, methods=["GET"]),
        Route("/runs/{run_id}/explain", explain, methods=["GET"]),
        *people_workflows.routes(ctx, redaction),
    ]

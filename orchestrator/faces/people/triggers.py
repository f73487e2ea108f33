"""Triggers: what they have done, and when they fire next."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.faces.people.answers import told
from orchestrator.faces.people.views import trigger_view
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.operations.look_up_triggers import get_trigger_seen, list_triggers_seen


def routes(ctx: Context, redaction: Redaction) -> list[Route]:
    """Return the routes over `ctx`; what they show of descriptions goes through `redaction`. Names may hold slashes."""

    async def triggers(request: Request) -> Response:
        del request
        found = await list_triggers_seen(ctx)
        return told(ctx, {"triggers": [trigger_view(seen, redaction) for seen in found]})

    async def trigger(request: Request) -> Response:
        seen = await get_trigger_seen(ctx, request.path_params["name"])
        return told(ctx, {"trigger": trigger_view(seen, redaction)})

    return [
        Route("/triggers", triggers, methods=["GET"]),
        Route("/triggers/{name:path}", trigger, methods=["GET"]),
    ]

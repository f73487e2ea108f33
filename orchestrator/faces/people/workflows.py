"""Workflows and their runs. A look at a run can wait for its next status, by bell."""

import re
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.faces.people.answers import told
from orchestrator.faces.people.query import MAX_WAIT_S, number
from orchestrator.faces.people.views import (
    chain_view,
    listed_workflow_view,
    resumable_view,
    trigger_view,
    workflow_run_view,
    workflow_view,
)
from orchestrator.faces.people.waiting import until_changed
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.operations.look_up_workflows import (
    list_workflow_runs,
    list_workflows_seen,
    look_up_workflow,
    look_up_workflow_run,
    workflow_run_status,
)

LATEST: Final = 10
_MAX_LIMIT: Final = 100
_PREFIX: Final = re.compile(r"(?:wr_)?([0-9a-f]{0,64})")


def routes(ctx: Context, redaction: Redaction) -> list[Route]:
    """Return the routes over `ctx`; what they show of arguments and properties goes through `redaction`. A name may hold slashes, so it is in the query, as is what of the workflow is asked for."""

    async def workflows(request: Request) -> Response:
        del request
        found = await list_workflows_seen(ctx)
        return told(ctx, {"workflows": [listed_workflow_view(one, redaction) for one in found]})

    async def workflow(request: Request) -> Response:
        query = request.query_params
        name = query.get("name", "")
        if "run" in query:
            return await _run(ctx, redaction, name, query)
        if "prefix" in query:
            return await _named_runs(ctx, redaction, name, query)
        seen = await look_up_workflow(ctx, name, limit=LATEST)
        return told(
            ctx,
            {
                "workflow": workflow_view(seen.workflow, redaction),
                "triggers": [trigger_view(one, redaction) for one in seen.triggers],
                "runs": [workflow_run_view(run, redaction) for run in seen.runs],
            },
        )

    return [
        Route("/workflows", workflows, methods=["GET"]),
        Route("/workflow", workflow, methods=["GET"]),
    ]


async def _named_runs(ctx: Context, redaction: Redaction, name: str, query: Mapping[str, str]) -> Response:
    """Return the runs of a workflow whose ids begin as it is asked for."""
    limit = number(query, "limit", LATEST, _MAX_LIMIT, least=1)
    match = _PREFIX.fullmatch(query["prefix"])
    found = await list_workflow_runs(ctx, name, hex_prefix=match[1], limit=limit) if match else []
    return told(ctx, {"runs": [workflow_run_view(run, redaction) for run in found]})


async def _run(ctx: Context, redaction: Redaction, name: str, query: Mapping[str, str]) -> Response:
    """Return one run of a workflow, at once or when its status is no longer the one that was seen."""
    run_id, seen = query["run"], query.get("seen_status")

    async def has_changed() -> bool:
        now = await workflow_run_status(ctx, name, run_id)
        return seen is None or now.status != seen or not now.is_live

    await until_changed(ctx, has_changed, within_s=number(query, "wait_s", 0.0, MAX_WAIT_S))
    found = await look_up_workflow_run(ctx, name, run_id)
    return told(
        ctx,
        {
            "workflow_run": workflow_run_view(found, redaction),
            "chain": chain_view(found.chain),
            "resumable": resumable_view(found),
        },
    )

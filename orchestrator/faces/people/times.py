"""Runs over time: bars for a picture of them, and what they took of the machine together."""

from dataclasses import asdict
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.faces.people.answers import told, told_at_length
from orchestrator.faces.people.query import is_set, moment
from orchestrator.model.run_times import Bar
from orchestrator.operations.context import Context
from orchestrator.operations.look_up_times import Occupancy, look_up_last_samples, look_up_occupancy, look_up_timeline

_HOUR_MS: Final = 3_600_000


def routes(ctx: Context) -> list[Route]:
    """Return the routes over `ctx`. By default they tell of the last hour."""

    async def timeline(request: Request) -> Response:
        query = request.query_params
        until_ms = moment(query, "until_ms") or ctx.now_ms() + 1
        since_ms = moment(query, "since_ms")
        since_ms = until_ms - _HOUR_MS if since_ms is None else since_ms
        found = await look_up_timeline(ctx, since_ms=since_ms, until_ms=until_ms, job=query.get("job") or None)

        def tell() -> dict[str, Any]:
            bars = [_bar(bar) for bar in found.bars]
            return {"since_ms": since_ms, "until_ms": until_ms, "bars": bars, "is_cut": found.is_cut}

        return await told_at_length(ctx, tell)

    async def capacity(request: Request) -> Response:
        query = request.query_params
        since_ms = moment(query, "since_ms")
        since_ms = ctx.now_ms() - _HOUR_MS if since_ms is None else since_ms
        found = await look_up_occupancy(ctx, since_ms=None if is_set(query, "brief") else since_ms)
        return await told_at_length(ctx, lambda: _occupied(found))

    async def last_samples(request: Request) -> Response:
        del request
        found = await look_up_last_samples(ctx)
        return told(ctx, {"runs": {str(run_id): [asdict(one) for one in last] for run_id, last in found.items()}})

    return [
        Route("/samples", last_samples, methods=["GET"]),
        Route("/timeline", timeline, methods=["GET"]),
        Route("/capacity", capacity, methods=["GET"]),
    ]


def _occupied(found: Occupancy) -> dict[str, Any]:
    return {
        "dpus": found.limits.dpus,
        "max_processes": found.limits.max_processes,
        "order": found.limits.order,
        "in_use": {"dpu": found.dpu, "runs": found.runs},
        "queued": {"dpu": found.queued_dpu, "runs": found.queued},
        "steps": [
            {"at_ms": step.at_ms, "dpu": step.dpu, "runs": step.runs, "queued": step.queued} for step in found.steps
        ],
        "is_cut": found.is_cut,
    }


def _bar(bar: Bar) -> dict[str, Any]:
    return {
        "id": str(bar.run_id),
        "job_name": bar.job_name,
        "state": bar.state,
        "attempt": bar.run_id.attempt,
        "trigger_name": bar.trigger_name,
        "chain_key": bar.chain_key,
        "started_on_ms": bar.started_on_ms,
        "launched_on_ms": bar.launched_on_ms,
        "completed_on_ms": bar.completed_on_ms,
        "dpu": bar.dpu,
        "predecessors": [str(one) for one in bar.predecessors],
    }

"""Jobs, and the history of their bookmarks. A name may hold slashes, so it is in the query."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.faces.people.answers import told_at_length
from orchestrator.faces.people.run_views import run_view
from orchestrator.model.records import BookmarkVersion, Job
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.operations.look_up_jobs import (
    ListedJob,
    LookedUpJob,
    list_bookmark_versions,
    list_jobs_seen,
    look_up_job,
)
from orchestrator.operations.views import job_shape


def routes(ctx: Context, redaction: Redaction) -> list[Route]:
    """Return the routes over `ctx`; what they show of arguments and bookmarks goes through `redaction`."""

    async def jobs(request: Request) -> Response:
        del request
        found = await list_jobs_seen(ctx)
        now_ms, waits = ctx.now_ms(), ctx.supervisor.waits(one.last.id for one in found if one.last is not None)

        def last_run(seen: ListedJob) -> dict[str, Any] | None:
            last = seen.last
            return None if last is None else run_view(last, now_ms=now_ms, waits=waits, redaction=redaction)

        return await told_at_length(
            ctx, lambda: {"jobs": [{**_listed(seen, redaction), "last_run": last_run(seen)} for seen in found]}
        )

    async def job(request: Request) -> Response:
        seen = await look_up_job(ctx, request.query_params.get("name", ""))
        now_ms, waits = ctx.now_ms(), ctx.supervisor.waits(run.id for run in seen.runs)

        def tell() -> dict[str, Any]:
            runs = [run_view(run, now_ms=now_ms, waits=waits, redaction=redaction) for run in seen.runs]
            return _in_full(seen, runs, redaction)

        return await told_at_length(ctx, tell)

    async def bookmark(request: Request) -> Response:
        found = await list_bookmark_versions(ctx, request.query_params.get("name", ""))
        return await told_at_length(ctx, lambda: {"entries": [_bookmark(one, redaction) for one in found]})

    return [
        Route("/jobs", jobs, methods=["GET"]),
        Route("/job", job, methods=["GET"]),
        Route("/bookmark", bookmark, methods=["GET"]),
    ]


def _listed(seen: ListedJob, redaction: Redaction) -> dict[str, Any]:
    job = seen.job
    description = job.definition.description
    return {
        "name": job.name,
        "description": description and redaction.text(description),
        "source": job.source,
        "last_modified_on_ms": job.last_modified_on_ms,
        "live_runs": seen.live_runs,
    }


def _in_full(seen: LookedUpJob, runs: list[dict[str, Any]], redaction: Redaction) -> dict[str, Any]:
    durations = seen.durations
    return {
        "job": _defined(seen.name, seen.job, redaction),
        "runs": runs,
        "durations": {"count": durations.count, "p50_ms": durations.p50_ms, "p95_ms": durations.p95_ms},
        "expected": [
            {"run_id": str(one.run_id), "ends_on_ms": one.ends_on_ms, "is_late": one.is_late} for one in seen.expected
        ],
        "bookmark": seen.bookmark and _bookmark(seen.bookmark, redaction),
        "triggers": list(seen.trigger_names),
    }


def _defined(name: str, job: Job | None, redaction: Redaction) -> dict[str, Any]:
    if job is None:
        return {"name": name, **dict.fromkeys(("source", "created_on_ms", "last_modified_on_ms", "definition"))}
    definition = job_shape(job).model_dump(by_alias=True, exclude_none=True, mode="json")
    return {
        "name": job.name,
        "source": job.source,
        "created_on_ms": job.created_on_ms,
        "last_modified_on_ms": job.last_modified_on_ms,
        "definition": redaction.within(definition),
    }


def _bookmark(version: BookmarkVersion, redaction: Redaction) -> dict[str, Any]:
    entry = version.entry
    return {
        "version": entry.version,
        "run": entry.run,
        "attempt": entry.attempt,
        "run_id": entry.run_id,
        "cause": version.cause,
        "at_ms": version.at_ms,
        "bookmark": redaction.text(entry.bookmark),
    }

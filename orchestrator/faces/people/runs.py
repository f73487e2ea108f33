"""Runs: lists of them, one in full, and why it is as it is. A look at one can wait for its next state, by bell."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator.faces.people.answers import text_at_length, told, told_at_length
from orchestrator.faces.people.query import MAX_WAIT_S, moment, number, order, run_id_of, states
from orchestrator.faces.people.run_views import (
    arguments_view,
    bare_run_view,
    ledger_view,
    predecessor_view,
    run_view,
    step_view,
)
from orchestrator.faces.people.views import explanation_view, workflow_run_name
from orchestrator.faces.people.waiting import until_changed
from orchestrator.model.errors import InvalidInputError
from orchestrator.model.records import JobRun
from orchestrator.model.redaction import HIDDEN, Redaction
from orchestrator.model.run_filter import RunFilter, RunOrder, RunPlace, place_of, spelled
from orchestrator.operations.context import Context
from orchestrator.operations.explain_run import explain_run
from orchestrator.operations.look_up_runs import RunInFull, find_by_prefix, get_run, get_run_in_full, list_runs

_MAX_LIMIT: Final = 1000
_PREFIX: Final = re.compile(r"(?:jr_)?([0-9a-f]{0,64})")


def routes(ctx: Context, redaction: Redaction) -> list[Route]:
    """Return the routes over `ctx`; what they show of arguments and messages goes through `redaction`."""

    async def runs(request: Request) -> Response:
        query = request.query_params
        limit = number(query, "limit", 50, _MAX_LIMIT, least=1)
        found, following = await (
            _named(ctx, query, limit) if "prefix" in query else _listed(ctx, query, limit, redaction)
        )
        return await told_at_length(ctx, _teller(ctx, found, following, redaction))

    async def run(request: Request) -> Response:
        run_id = run_id_of(request)
        seen = request.query_params.get("seen_state")

        async def has_changed() -> bool:
            now = await get_run(ctx, run_id)
            return seen is None or now.state != seen or now.is_terminal

        await until_changed(ctx, has_changed, within_s=number(request.query_params, "wait_s", 0.0, MAX_WAIT_S))
        return told(ctx, _in_full(ctx, await get_run_in_full(ctx, run_id), redaction))

    async def explain(request: Request) -> Response:
        seen = await explain_run(ctx, run_id_of(request))
        return told(ctx, explanation_view(seen, now_ms=ctx.now_ms(), waits=ctx.supervisor.waits(), redaction=redaction))

    return [
        Route("/runs", runs, methods=["GET"]),
        Route("/runs/{run_id}", run, methods=["GET"]),
        Route("/runs/{run_id}/explain", explain, methods=["GET"]),
    ]


async def newest_runs(ctx: Context, redaction: Redaction, *, limit: int) -> bytes:
    """Return the text with which `GET /runs` answers whoever asks for nothing but `limit` of them, without their arguments."""
    found, following = await _listed(ctx, {}, limit, redaction)
    return await text_at_length(ctx, _teller(ctx, found, following, redaction, view=bare_run_view))


def _teller(
    ctx: Context,
    found: Sequence[JobRun],
    following: str | None,
    redaction: Redaction,
    *,
    view: Callable[..., dict[str, Any]] = run_view,
) -> Callable[[], dict[str, Any]]:
    """Return what makes the page of a list, as of now."""
    now_ms, waits = ctx.now_ms(), ctx.supervisor.waits(run.id for run in found if not run.is_terminal)

    def tell() -> dict[str, Any]:
        views = [view(run, now_ms=now_ms, waits=waits, redaction=redaction) for run in found]
        return {"runs": views, "next": following}

    return tell


async def _named(ctx: Context, query: Mapping[str, str], limit: int) -> tuple[Sequence[JobRun], str | None]:
    """Return the runs whose ids begin as it is asked for."""
    match = _PREFIX.fullmatch(query["prefix"])
    return (await find_by_prefix(ctx, match[1], limit=limit) if match else []), None


async def _listed(
    ctx: Context, query: Mapping[str, str], limit: int, redaction: Redaction
) -> tuple[Sequence[JobRun], str | None]:
    """Return the runs that are asked for, and how one asks for those behind them."""
    wanted_order = order(query)
    wanted = RunFilter(
        states=states(query),
        trigger_name=query.get("trigger") or None,
        since_ms=moment(query, "since_ms"),
        until_ms=moment(query, "until_ms"),
        matches=_Text(query["text"], redaction) if query.get("text") else None,
    )
    after = _place(query.get("before"), wanted_order)
    page = await list_runs(
        ctx, job=query.get("job") or None, wanted=wanted, order=wanted_order, after=after, limit=limit
    )
    return page.runs, None if page.place is None else spelled(page.place, wanted_order)


class _Text:
    """Looks for a text in what people are shown of a run."""

    def __init__(self, text: str, redaction: Redaction) -> None:
        self._text = text.casefold()
        self._redaction = redaction

    def __call__(self, run: JobRun) -> bool:
        named = (str(run.id), run.job_name, run.trigger_name or "")
        if self._is_in(*named):
            return True
        message, arguments = run.error_message or "", run.arguments
        if not self._is_in(message, *arguments, *arguments.values()) and self._text not in HIDDEN:
            return False  # to hide secrets takes ten times as long as to look
        hidden = self._redaction.arguments(arguments)
        return self._is_in(self._redaction.text(message), *hidden, *hidden.values())

    def _is_in(self, *texts: str) -> bool:
        return any(self._text in text.casefold() for text in texts)


def _place(text: str | None, wanted_order: RunOrder) -> RunPlace | None:
    if not text:
        return None
    place = place_of(text, wanted_order)
    if place is None:
        sentence = f"before is '{text[:40]}'; it must be the `next` of a list of the same order."
        raise InvalidInputError(sentence)
    return place


def _in_full(ctx: Context, found: RunInFull, redaction: Redaction) -> dict[str, Any]:
    now_ms, waits = ctx.now_ms(), ctx.supervisor.waits([found.run.id])
    return {
        "run": run_view(found.run, now_ms=now_ms, waits=waits, redaction=redaction),
        "workflow_run": None if found.workflow_run is None else workflow_run_name(found.workflow_run),
        "history": [step_view(step) for step in found.history],
        "attempts": [run_view(one, now_ms=now_ms, waits=waits, redaction=redaction) for one in found.attempts],
        "predecessors": [predecessor_view(one) for one in found.predecessors],
        "arguments": arguments_view(found, redaction),
        "samples": [asdict(sample) for sample in found.samples],
        "ledger": ledger_view(found.ledger, redaction),
        "directory": ctx.executor.place(found.run.id),
    }

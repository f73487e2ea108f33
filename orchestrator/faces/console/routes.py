"""The page's routes: the page itself, its files, and the calls that it may make.

A call must come from the page that this daemon made: from our own origin, as the browser says, and with the token that
stands in that page and nowhere else.
"""

import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator import __version__
from orchestrator.faces import aws_json
from orchestrator.faces.console.files import NEWEST_RUNS, PAGE, SEQ, TYPES, File, as_data, filled, read_files, tag_of
from orchestrator.faces.gate import CONSOLE_CALL
from orchestrator.faces.people.runs import newest_runs
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.operations.follow_changes import span_of_changes
from orchestrator.wire.actions import CONTENT_TYPE, operation_of
from orchestrator.wire.errors import AccessDeniedError, NotAnApiCallError

ACTIONS: Final = frozenset(
    {
        "BatchStopJobRun",
        "ResetJobBookmark",
        "ResumeWorkflowRun",
        "StartJobRun",
        "StartTrigger",
        "StartWorkflowRun",
        "StopTrigger",
        "StopWorkflowRun",
    }
)
FIRST_RUNS: Final = 30
"""So many of the newest runs come with the page: what a large screen shows, and some that are read ahead below it."""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_KEPT: Final = "public, max-age=31536000, immutable"

_Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What the page is told of the daemon that sends it."""

    region: str
    token: str  # the secret that the page's calls carry
    read_only: bool


def routes(ctx: Context, page: Page, redaction: Redaction) -> list[Route]:
    """Return the page's routes; what they show of runs goes through `redaction`."""
    files = read_files()
    place = f"/console/{tag_of(files)}/"
    return [
        Route("/", _index(ctx, redaction, filled(files[PAGE], _values(page), place=place)), methods=["GET"]),
        Route("/console/{tag:str}/{name:path}", _static(files, place), methods=["GET"]),
        Route(CONSOLE_CALL, _call(ctx, page), methods=["POST"]),
    ]


def _values(page: Page) -> dict[str, str]:
    return {
        "token": "" if page.read_only else page.token,
        "read_only": str(page.read_only).lower(),
        "version": __version__,
        "region": page.region,
    }


def _index(ctx: Context, redaction: Redaction, body: bytes) -> _Endpoint:
    # It is never kept, and never packed: the token stands beside names that others chose, and how well the two pack
    # together would tell of it.
    headers = _HEADERS | {"cache-control": "no-store"}

    async def index(request: Request) -> Response:
        del request
        seq = (await span_of_changes(ctx)).last_seq  # before the runs: what changes meanwhile is told twice, not never
        runs = await newest_runs(ctx, redaction, limit=FIRST_RUNS)
        whole = body.replace(SEQ, b"%d" % seq).replace(NEWEST_RUNS, as_data(runs))
        return Response(whole, media_type=TYPES["html"], headers=headers)

    return index


def _static(files: Mapping[str, File], place: str) -> _Endpoint:
    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        file = files.get(name) if name != PAGE else None
        if file is None:
            raise NotAnApiCallError(request.method, request.url.path)
        # A page of the version before asks for its own; it is given ours, and does not keep it.
        return _answer(request, file, caching=_KEPT if request.url.path.startswith(place) else "no-cache")

    return static


def _call(ctx: Context, page: Page) -> _Endpoint:
    async def call(request: Request) -> Response:
        if page.read_only:
            raise AccessDeniedError.read_only()
        _check_origin(request.headers, page.token)
        target = request.headers.get("x-amz-target")
        operation = operation_of(target)
        if operation not in ACTIONS:
            raise AccessDeniedError.not_for_pages(operation)
        status, content = await aws_json.answer(
            ctx,
            target=target,
            content_type=request.headers.get("content-type"),
            invocation_id=request.headers.get("amz-sdk-invocation-id"),
            body=await request.body(),
        )
        return Response(content, status_code=status, media_type=CONTENT_TYPE, headers=_HEADERS)

    return call


def _check_origin(headers: Mapping[str, str], token: str) -> None:
    """Refuse what this daemon's own page did not ask for; that the Origin is ours, the gate has seen.

    Raises:
        AccessDeniedError: another page, or another program, did.
    """
    origin = headers.get("origin")
    if origin is None or headers.get("sec-fetch-site", "same-origin") != "same-origin":
        raise AccessDeniedError.origin(origin or "none")
    if not hmac.compare_digest(headers.get("x-console-token", "").encode(), token.encode()):
        raise AccessDeniedError.token()


def _answer(request: Request, file: File, *, caching: str) -> Response:
    headers = {**_HEADERS, "cache-control": caching, "etag": file.tag, "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == file.tag:
        return Response(status_code=304, headers=headers)
    body = file.body
    if file.packed is not None and "gzip" in request.headers.get("accept-encoding", ""):
        body = file.packed
        headers["content-encoding"] = "gzip"
    return Response(body, media_type=file.media_type, headers=headers)

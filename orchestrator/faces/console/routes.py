"""The page's routes: the page itself, its files, and the calls that it may make.

A call must come from the page that this daemon made: from our own origin, as the browser says, and with the token that
stands in that page and nowhere else.
"""

import hmac
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestrator import __version__
from orchestrator.faces import aws_json
from orchestrator.faces.console.files import PAGE, SEQ, TYPES, File, filled, read_files, tag_of
from orchestrator.faces.gate import CONSOLE_CALL
from orchestrator.operations.context import Context
from orchestrator.operations.follow_changes import span_of_changes
from orchestrator.settings import Console
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

_NEVER_KEPT: Final = {"cache-control": "no-store"}  # the token stands in it


def routes(ctx: Context, settings: Console, *, region: str, token: str) -> list[Route]:
    """Return the page's routes; none where it is switched off. `token` is the secret that the page's calls carry."""
    if not settings.enabled:
        return []
    files = read_files()
    place = f"/console/{tag_of(files)}/"
    values = {
        "token": "" if settings.read_only else token,
        "read_only": str(settings.read_only).lower(),
        "version": __version__,
        "region": region,
    }
    page = filled(files[PAGE], values, place=place)

    async def index(request: Request) -> Response:
        del request
        seq = (await span_of_changes(ctx)).last_seq
        return Response(page.replace(SEQ, b"%d" % seq), media_type=TYPES["html"], headers=_HEADERS | _NEVER_KEPT)

    async def static(request: Request) -> Response:
        name = request.path_params["name"]
        file = files.get(name) if name != PAGE else None
        if file is None:
            raise NotAnApiCallError(request.method, request.url.path)
        # A page of the version before asks for its own; it is given ours, and does not keep it.
        is_ours = request.url.path.startswith(place)
        return _answer(request, file, caching="public, max-age=31536000, immutable" if is_ours else "no-cache")

    async def call(request: Request) -> Response:
        if settings.read_only:
            raise AccessDeniedError.read_only()
        _check_origin(request.headers, token)
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

    return [
        Route("/", index, methods=["GET"]),
        Route("/console/{tag:str}/{name:path}", static, methods=["GET"]),
        Route(CONSOLE_CALL, call, methods=["POST"]),
    ]


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

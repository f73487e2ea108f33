"""The HTTP face: Starlette on uvicorn, inside our own task group.

uvicorn's own loop wakes ten times a second and it takes over the signals; both are overridden.
"""

import asyncio
import contextlib
import math
import socket
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import anyio
import structlog
import uvicorn
from anyio.abc import TaskStatus
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from orchestrator.faces import aws_json, cloudwatch_logs, query_api
from orchestrator.faces.doors import doors_by
from orchestrator.faces.gate import Gate, http_date, refuse, whole_body
from orchestrator.faces.people import jobs, logs, runs, times, triggers, workflows
from orchestrator.faces.protocol import Protocol
from orchestrator.faces.sigv4 import AccessKey
from orchestrator.model.errors import RequestError
from orchestrator.model.redaction import Redaction
from orchestrator.operations.context import Context
from orchestrator.settings import Access
from orchestrator.wire import query
from orchestrator.wire.actions import CONTENT_TYPE
from orchestrator.wire.errors import NotAnApiCallError, to_wire
from orchestrator.wire.logs_actions import is_for_logs

log = structlog.stdlib.get_logger()

PROBES: Final = ("/healthz", "/readyz", "/metrics")
SHUTDOWN_GRACE_S: Final = 5
_MODELLED_404: Final = 404


def application(ctx: Context, redaction: Redaction, more: Sequence[Route]) -> ASGIApp:
    """Return the routes: POST / is the API of Glue and of its neighbours, the rest, with `more`, is for people and their tools."""
    others = Starlette(
        routes=[
            *runs.routes(ctx, redaction),
            *logs.routes(ctx),
            *jobs.routes(ctx, redaction),
            *times.routes(ctx),
            *triggers.routes(ctx, redaction),
            *workflows.routes(ctx, redaction),
            *more,
        ],
        exception_handlers={RequestError: _refused, HTTPException: _not_found, Exception: _failed},
    )
    others.router.redirect_slashes = False

    async def route(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST" or scope["path"] != "/":
            await others(scope, receive, send)
            return
        try:
            await _call(ctx, scope, receive, send)
        except RequestError:  # the gate's, of a body that is too large: it answers
            raise
        except Exception as error:
            log.exception("request_failed", path="/")
            await refuse(send, error)

    return route


async def _call(ctx: Context, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a call of the API. Without a framework, because this is the way that has to be fast."""
    body = await whole_body(receive)
    if body is None:  # the caller went in the middle of its call: nobody is left to answer, and nothing was begun
        return
    headers = dict(reversed(scope["headers"]))  # the first counts
    request_id = str(uuid.uuid4())
    target, content_type = _text(headers.get(b"x-amz-target")), _text(headers.get(b"content-type"))
    answered_as = CONTENT_TYPE
    form = query.fields_in(content_type, body)
    if form is not None:
        answered_as = query.CONTENT_TYPE
        status, content = query_api.answer(form, request_id)
    elif is_for_logs(target):
        status, content = await cloudwatch_logs.answer(ctx, target=target, content_type=content_type, body=body)
    else:
        invocation_id = _text(headers.get(b"amz-sdk-invocation-id"))
        status, content = await aws_json.answer(
            ctx, target=target, content_type=content_type, invocation_id=invocation_id, body=body
        )
    told = [
        (b"content-type", answered_as.encode()),
        (b"content-length", str(len(content)).encode()),
        (b"x-amzn-requestid", request_id.encode()),
        (b"date", http_date(int(time.time()))),
    ]
    await send({"type": "http.response.start", "status": status, "headers": told})
    await send({"type": "http.response.body", "body": content})


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")


async def _refused(request: Request, error: Exception) -> Response:
    del request
    wire = to_wire(error)
    return Response(wire.body, status_code=_status_for_people(wire.name, wire.status), media_type=CONTENT_TYPE)


async def _not_found(request: Request, error: Exception) -> Response:
    del error
    return await _refused(request, NotAnApiCallError(request.method, request.url.path))


async def _failed(request: Request, error: Exception) -> Response:
    log.error("request_failed", path=request.url.path, problem=repr(error))
    return await _refused(request, error)


def _status_for_people(name: str, status: int) -> int:
    return _MODELLED_404 if name == "EntityNotFoundException" else status


class _Complaints:
    """The event loop's errors, such as no file descriptor left to accept with: told at most once a second."""

    def __init__(self) -> None:
        self._told_at_s = -math.inf
        self._untold = 0

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._untold += 1
        if loop.time() - self._told_at_s >= 1:
            problem = repr(context.get("exception") or context["message"])
            log.error("event_loop_error", message=context["message"], problem=problem, times=self._untold)
            self._told_at_s, self._untold = loop.time(), 0


class HttpFace:
    """A server for one application on the sockets that lead to it."""

    def __init__(self, app: Gate, listeners: Sequence[socket.socket]) -> None:
        """Serve `app` on `listeners`, which this takes over."""
        self._gate = app
        self._listeners = list(listeners)
        self._stop = anyio.Event()
        self.stopped = anyio.Event()
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=app.doors.limits.idle_timeout_s,  # type: ignore[arg-type]  # the event loop takes fractions, too
            timeout_graceful_shutdown=SHUTDOWN_GRACE_S,
        )
        self._server = _Server(config, self._stop)

    async def serve(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Serve until `stop`; then let the calls under way end."""
        self._server.on_started = task_status.started
        asyncio.get_running_loop().set_exception_handler(_Complaints())
        try:
            await self._server.serve(sockets=self._listeners)
        finally:
            self.stopped.set()

    def stop(self) -> None:
        """Take no more calls. `serve` returns when those under way are answered."""
        self._gate.is_closing = True
        self._server.should_exit = True
        self._stop.set()


class _Server(uvicorn.Server):
    """uvicorn's server without its ticking and without its signal handlers."""

    def __init__(self, config: uvicorn.Config, stop: anyio.Event) -> None:
        super().__init__(config)
        self._stop_asked = stop
        self.on_started: Callable[[], None] = lambda: None

    async def main_loop(self) -> None:
        self.on_started()
        await self._stop_asked.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def gate(ctx: Context, *, access: Access, host: str, keys: Mapping[str, AccessKey], more: Sequence[Route] = ()) -> Gate:
    """Return the application, and `more` routes, behind its gate. The address `host` that is listened at is a name of ours, too."""
    hosts = (*access.hosts, f"[{host}]" if ":" in host else host)
    return Gate(
        application(ctx, Redaction(access.redact), more),
        doors=doors_by(access),
        hosts=hosts,
        max_body_bytes=access.max_body_bytes,
        keys=keys,
        now_ms=ctx.now_ms,
        open_paths=PROBES if access.open_probes else (),
    )

"""How the plain routes answer: JSON in ASCII, so that no reader need guess, with the daemon's clock in it."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import anyio.to_thread
from starlette.responses import Response

from orchestrator.operations.context import Context

HEADERS: Final = {
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
}
"""No other page may take an answer for something of its own."""


def as_json(value: Mapping[str, Any]) -> bytes:
    """Return JSON without blanks, all characters beyond ASCII escaped."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")


def told(ctx: Context, value: Mapping[str, Any]) -> Response:
    """Return the answer that tells `value`."""
    return Response(as_json({"now_ms": ctx.now_ms(), **value}), media_type="application/json", headers=HEADERS)


async def told_at_length(ctx: Context, make: Callable[[], Mapping[str, Any]]) -> Response:
    """Return the answer that tells what `make` returns."""
    return Response(await text_at_length(ctx, make), media_type="application/json", headers=HEADERS)


async def text_at_length(ctx: Context, make: Callable[[], Mapping[str, Any]]) -> bytes:
    """Return the text of such an answer; many rows are made text beside the loop, which goes on."""
    now_ms = ctx.now_ms()
    return await anyio.to_thread.run_sync(lambda: as_json({"now_ms": now_ms, **make()}))

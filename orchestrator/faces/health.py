"""Whether the daemon lives, and whether it can take runs: for service managers, load balancers, and whoever waits for it.

GET /healthz says that the process answers, and asks nobody else. GET /readyz looks at all that a run needs. It says what
is true when it is asked, so it waits for the store; but not for long.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import anyio
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from orchestrator import __version__
from orchestrator.faces.loop_lag import WITHIN_S, LoopLag
from orchestrator.model.errors import RequestError, StoreError
from orchestrator.operations.context import Context
from orchestrator.operations.prove_store import lack_of_room, prove_readable, prove_writable

PATIENCE_S: Final = 2.0
"""A store that has not read or written by then cannot be used."""
LATE_S: Final = 1.0
_UNAVAILABLE: Final = 503
_OK: Final = 200


def routes(ctx: Context, lag: LoopLag, state_dir: Path) -> list[Route]:
    """Return the two routes."""

    async def healthz(request: Request) -> Response:
        del request
        return JSONResponse({"status": "ok", "version": __version__})

    async def readyz(request: Request) -> Response:
        del request
        looks: dict[str, Callable[[], Awaitable[str | None]]] = {
            "event_loop": lambda: _loop(lag),
            "store_read": lambda: _read(ctx),
            "store_write": lambda: _write(ctx),
            "disk": lambda: lack_of_room(state_dir),
            "launch": lambda: _launch(ctx),
            "queue": lambda: _queue(ctx),
        }
        problems = {name: await look() for name, look in looks.items()}
        is_ready = not any(problems.values())
        content = {
            "status": "ok" if is_ready else "unavailable",
            "checks": [
                {"name": name, "is_ok": problem is None, "problem": problem} for name, problem in problems.items()
            ],
            "now_ms": ctx.now_ms(),
        }
        return JSONResponse(content, status_code=_OK if is_ready else _UNAVAILABLE)

    return [Route("/healthz", healthz, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]


async def _loop(lag: LoopLag) -> str | None:
    worst_s = lag.worst_s()
    return f"the event loop was {worst_s:.1f} s late within the last {WITHIN_S:.0f} s" if worst_s > LATE_S else None


async def _read(ctx: Context) -> str | None:
    try:
        with anyio.fail_after(PATIENCE_S):
            await prove_readable(ctx)
    except TimeoutError:
        return f"the store could not be read within {PATIENCE_S:.0f} s"
    except StoreError as error:
        return str(error)
    return None


async def _write(ctx: Context) -> str | None:
    try:
        with anyio.fail_after(PATIENCE_S):
            await prove_writable(ctx)
    except TimeoutError:
        return (
            f"the store could not be written within {PATIENCE_S:.0f} s: the disk is slow, or another program holds it"
        )
    except (RequestError, StoreError) as error:  # its own patience is shorter, or it is full
        return str(error)
    return None


async def _launch(ctx: Context) -> str | None:
    return ctx.executor.problem()


async def _queue(ctx: Context) -> str | None:
    most = ctx.supervisor.full_queue()
    return None if most is None else f"{most} runs wait, and no more may ([capacity] max_queued)"

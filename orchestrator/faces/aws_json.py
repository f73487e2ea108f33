"""The AWS JSON 1.1 face: bytes of a request in, status and bytes of an answer out. One of the two borders that catch.

Source: glue-semantics §1.
"""

import dataclasses
import time
from typing import Final

import structlog

from orchestrator.model.errors import RequestError, StoreBrokenError
from orchestrator.operations import own_actions
from orchestrator.operations.actions import perform
from orchestrator.operations.context import Context
from orchestrator.wire import own_shapes, shapes
from orchestrator.wire.actions import CONTENT_TYPE, operation_of
from orchestrator.wire.decode import decode
from orchestrator.wire.encode import encode
from orchestrator.wire.errors import ContentTypeError, to_wire
from orchestrator.wire.own_actions import is_own
from orchestrator.wire.own_actions import operation_of as own_operation_of
from orchestrator.wire.shape import Shape

log = structlog.stdlib.get_logger()
_OK: Final = 200
_ACKNOWLEDGED: Final = "StartJobRun"


async def answer(
    ctx: Context, *, target: str | None, content_type: str | None, invocation_id: str | None, body: bytes
) -> tuple[int, bytes]:
    """Return the status and body that answer one call. Whatever goes wrong, it is an error of Glue's shape.

    What an acknowledgement took is observed here, because the calls of the API and those of the console's page come by.
    """
    began_s = time.perf_counter()
    operation = None
    try:
        _check_content_type(content_type)
        if is_own(target):
            operation = own_operation_of(target)
            response: Shape = await own_actions.perform(ctx, decode(body, own_shapes.REQUESTS[operation]))
        else:
            operation = operation_of(target)
            request = decode(body, shapes.REQUESTS[operation])
            response = await perform(dataclasses.replace(ctx, invocation_id=invocation_id), request)
        content = encode(response)
    except RequestError as error:
        wire = to_wire(error)
        log.debug("request_refused", operation=operation, error=wire.name, sentence=str(error))
    except StoreBrokenError as error:
        wire = to_wire(error)
        log.error("request_failed", operation=operation, problem=str(error))  # noqa: TRY400 - the daemon ends with the trace
    except Exception as error:
        wire = to_wire(error)
        log.exception("request_failed", operation=operation)
    else:
        if operation == _ACKNOWLEDGED:
            ctx.observer.acknowledged(time.perf_counter() - began_s)
        return _OK, content
    return wire.status, wire.body


def _check_content_type(content_type: str | None) -> None:
    """Require AWS JSON; no web form can send it, so no web page can post here unasked."""
    if (content_type or "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise ContentTypeError(content_type)

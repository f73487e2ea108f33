"""CloudWatch Logs on Glue's port: bytes of a request in, status and bytes of an answer out. A border that catches.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/Welcome.html
"""

from typing import Final

import structlog

from orchestrator.model.errors import RequestError, StoreBrokenError
from orchestrator.operations.context import Context
from orchestrator.operations.logs_actions import perform
from orchestrator.wire import logs_shapes
from orchestrator.wire.actions import CONTENT_TYPE
from orchestrator.wire.decode import decode
from orchestrator.wire.encode import encode
from orchestrator.wire.errors import ContentTypeError
from orchestrator.wire.logs_actions import operation_of
from orchestrator.wire.logs_errors import to_wire

log = structlog.stdlib.get_logger()
_OK: Final = 200


async def answer(ctx: Context, *, target: str, content_type: str | None, body: bytes) -> tuple[int, bytes]:
    """Return the status and body that answer one call. Whatever goes wrong, it is an error of the log API's shape."""
    operation = None
    try:
        _check_content_type(content_type)
        operation = operation_of(target)
        return _OK, encode(await perform(ctx, decode(body, logs_shapes.REQUESTS[operation])))
    except RequestError as error:
        wire = to_wire(error)
        log.debug("request_refused", operation=operation, error=wire.name, sentence=str(error))
    except StoreBrokenError as error:
        wire = to_wire(error)
        log.error("request_failed", operation=operation, problem=str(error))  # noqa: TRY400 - the daemon ends with the trace
    except Exception as error:
        wire = to_wire(error)
        log.exception("request_failed", operation=operation)
    return wire.status, wire.body


def _check_content_type(content_type: str | None) -> None:
    """Require AWS JSON, for the same reason as Glue's face."""
    if (content_type or "").partition(";")[0].strip().lower() != CONTENT_TYPE:
        raise ContentTypeError(content_type)

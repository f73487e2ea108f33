"""Which call of an SDK this is: what makes a re-sent call the same call."""

import hashlib
from typing import Final

from orchestrator.model.records import Invocation
from orchestrator.operations.context import Context
from orchestrator.wire.shape import Shape

_DIGEST_BYTES: Final = 16


def invocation_of(ctx: Context, request: Shape) -> Invocation | None:
    """Return the call's id and the request's digest, which tells its action too; None where the call has no id."""
    if not ctx.invocation_id:
        return None
    text = f"{type(request).__name__}\0{request.model_dump_json()}"
    return Invocation(id_digest=_digest(ctx.invocation_id), request_digest=_digest(text))


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:_DIGEST_BYTES]

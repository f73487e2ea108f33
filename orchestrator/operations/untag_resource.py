"""UntagResource."""

from orchestrator.operations.context import Context
from orchestrator.operations.tagged import existing
from orchestrator.store import tags
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import UntagResourceRequest, UntagResourceResponse


async def untag_resource(ctx: Context, request: UntagResourceRequest) -> UntagResourceResponse:
    """Remove tags of a job, trigger or workflow; a key that is not set is removed already.

    Raises:
        EntityNotFoundError: the ARN names nothing that exists here.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_UntagResource.html
    """

    def remove(tx: Transaction) -> None:
        tags.remove(tx, existing(tx, request.resource_arn), request.tags_to_remove)

    await ctx.database.write("untag_resource", remove)
    return UntagResourceResponse()

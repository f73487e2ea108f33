"""TagResource."""

from orchestrator.model import tags as rules
from orchestrator.operations.context import Context
from orchestrator.operations.tagged import existing
from orchestrator.store import tags
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import TagResourceRequest, TagResourceResponse


async def tag_resource(ctx: Context, request: TagResourceRequest) -> TagResourceResponse:
    """Set tags of a job, trigger or workflow; others stay.

    Where a file defines the resource and its tags, they hold until the file is read again.

    Raises:
        EntityNotFoundError: the ARN names nothing that exists here.
        InvalidInputError: a reserved key, or more tags than a resource may have; nothing is set.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_TagResource.html
    """

    def add(tx: Transaction) -> None:
        resource = existing(tx, request.resource_arn)
        tags.put(tx, resource, rules.with_added(tags.get(tx, resource), request.tags_to_add))

    await ctx.database.write("tag_resource", add)
    return TagResourceResponse()

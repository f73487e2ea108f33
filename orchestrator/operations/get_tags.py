"""GetTags."""

from orchestrator.operations.context import Context
from orchestrator.operations.tagged import existing
from orchestrator.store import tags
from orchestrator.wire.shapes import GetTagsRequest, GetTagsResponse


async def get_tags(ctx: Context, request: GetTagsRequest) -> GetTagsResponse:
    """Return the tags of a job, trigger or workflow.

    Raises:
        EntityNotFoundError: the ARN names nothing that exists here.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetTags.html
    """
    found = await ctx.database.read(lambda tx: tags.get(tx, existing(tx, request.resource_arn)))
    return GetTagsResponse(tags=found)

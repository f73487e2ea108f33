"""ListWorkflows."""

from typing import Final

from orchestrator.operations.context import Context
from orchestrator.store import workflows
from orchestrator.wire.paging import decode_token, encode_token
from orchestrator.wire.shapes import ListWorkflowsRequest, ListWorkflowsResponse

PAGE_SIZE: Final = 25
_LISTING: Final = "workflow-names"


async def list_workflows(ctx: Context, request: ListWorkflowsRequest) -> ListWorkflowsResponse:
    """Return the names of all workflows in their order, a page at a time.

    Raises:
        InvalidInputError: NextToken is not one of this listing.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_ListWorkflows.html
    """
    after = decode_token(request.next_token, _LISTING, str) or ""
    limit = request.max_results or PAGE_SIZE
    found = await ctx.database.read(lambda tx: workflows.list_page(tx, after=after, limit=limit + 1))
    page = found[:limit]
    return ListWorkflowsResponse(
        workflows=[workflow.name for workflow in page],
        next_token=encode_token(_LISTING, page[-1].name) if len(found) > limit else None,
    )

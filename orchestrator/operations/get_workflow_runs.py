"""GetWorkflowRuns."""

from typing import Final

from orchestrator.operations.context import Context
from orchestrator.operations.workflow_reading import moment_of, see_run
from orchestrator.operations.workflow_views import SeenRun, workflow_run_shape
from orchestrator.store import workflows
from orchestrator.store.database import Transaction
from orchestrator.wire.paging import decode_token, encode_token
from orchestrator.wire.shapes import GetWorkflowRunsRequest, GetWorkflowRunsResponse

PAGE_SIZE: Final = 100
_LISTING: Final = "workflow-runs"


async def get_workflow_runs(ctx: Context, request: GetWorkflowRunsRequest) -> GetWorkflowRunsResponse:
    """Return a workflow's runs, newest first, a page at a time. Runs that start between two pages shift none.

    Raises:
        EntityNotFoundError: there is no such workflow, nor a run of one that was deleted.
        InvalidInputError: NextToken is not one of this listing.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetWorkflowRuns.html
    """
    before_key = decode_token(request.next_token, _LISTING, int, request.name)
    limit = request.max_results or PAGE_SIZE

    def read(tx: Transaction) -> tuple[list[SeenRun], bool]:
        runs = workflows.list_run_page(tx, request.name, before_key=before_key, limit=limit + 1)
        if not runs:
            workflows.get(tx, request.name)
        return [see_run(tx, run) for run in runs[:limit]], len(runs) > limit

    page, has_more = await ctx.database.read(read)
    with_graph = bool(request.include_graph)
    moment = moment_of(ctx, with_graph=with_graph)
    return GetWorkflowRunsResponse(
        runs=[workflow_run_shape(seen, moment, with_graph=with_graph) for seen in page],
        next_token=encode_token(_LISTING, page[-1].run.chain_key, request.name) if has_more else None,
    )

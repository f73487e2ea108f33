"""GetJobBookmark."""

from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.ids import parse_job_run_id
from orchestrator.model.records import BookmarkEntry
from orchestrator.operations.context import Context
from orchestrator.operations.views import bookmark_shape
from orchestrator.store import bookmarks, jobs
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import GetJobBookmarkRequest, GetJobBookmarkResponse


async def get_job_bookmark(ctx: Context, request: GetJobBookmarkRequest) -> GetJobBookmarkResponse:
    """Return the job's bookmark, or, with RunId, what that run committed.

    Raises:
        EntityNotFoundError: the job, or that run of it, never committed one.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_GetJobBookmark.html
    """

    def read(tx: Transaction) -> BookmarkEntry:
        key = jobs.find_key(tx, request.job_name)
        current = None if key is None else bookmarks.find(tx, key)
        if key is None or current is None:
            raise EntityNotFoundError.bookmark(request.job_name)
        if request.run_id is None:
            return current
        run_id = parse_job_run_id(request.run_id)
        entry = None if run_id is None else bookmarks.find_of_run(tx, key, run_id)
        if entry is None:
            raise EntityNotFoundError.bookmark_of_run(request.job_name, request.run_id)
        return entry

    entry = await ctx.database.read(read)
    return GetJobBookmarkResponse(job_bookmark_entry=bookmark_shape(entry, request.job_name))

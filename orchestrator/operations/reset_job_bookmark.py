"""ResetJobBookmark."""

from orchestrator.model import bookmarks as rules
from orchestrator.model.errors import EntityNotFoundError
from orchestrator.model.ids import parse_job_run_id
from orchestrator.model.records import BookmarkCause, BookmarkEntry
from orchestrator.operations.context import Context
from orchestrator.operations.views import bookmark_shape
from orchestrator.store import bookmarks, jobs
from orchestrator.store.database import Transaction
from orchestrator.wire.shapes import ResetJobBookmarkRequest, ResetJobBookmarkResponse


async def reset_job_bookmark(ctx: Context, request: ResetJobBookmarkRequest) -> ResetJobBookmarkResponse:
    """Make the job's next run begin anew, or, with RunId, where that run had ended. The history is kept.

    A run that is under way has read the version before, so its commit will lose.

    Raises:
        EntityNotFoundError: the job, or that run of it, never committed a bookmark.

    Source: https://docs.aws.amazon.com/glue/latest/webapi/API_ResetJobBookmark.html
    """
    at_ms = ctx.now_ms()

    def reset(tx: Transaction) -> BookmarkEntry:
        key = jobs.find_key(tx, request.job_name)
        current = None if key is None else bookmarks.find(tx, key)
        if key is None or current is None:
            raise EntityNotFoundError.bookmark(request.job_name)
        entry, cause = _after(tx, current, request, key)
        bookmarks.append(tx, entry, cause=cause, run_seq=None, at_ms=at_ms)
        return entry

    entry = await ctx.database.write("reset_bookmark", reset)
    return ResetJobBookmarkResponse(job_bookmark_entry=bookmark_shape(entry, request.job_name))


def _after(
    tx: Transaction, current: BookmarkEntry, request: ResetJobBookmarkRequest, key: int
) -> tuple[BookmarkEntry, BookmarkCause]:
    if request.run_id is None:
        return rules.reset(current), "reset"
    run_id = parse_job_run_id(request.run_id)
    target = None if run_id is None else bookmarks.find_of_run(tx, key, run_id)
    if target is None:
        raise EntityNotFoundError.bookmark_of_run(request.job_name, request.run_id)
    return rules.rewound(current, target), "rewind"

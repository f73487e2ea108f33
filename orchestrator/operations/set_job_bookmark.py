"""SetJobBookmark: not an action of Glue's; it puts a text of somebody's in the place of what the runs have left."""

from orchestrator.model import bookmarks as rules
from orchestrator.model.errors import InvalidInputError, VersionMismatchError
from orchestrator.model.records import BookmarkEntry
from orchestrator.operations.context import Context
from orchestrator.operations.views import bookmark_shape
from orchestrator.store import bookmarks, jobs
from orchestrator.store.database import Transaction
from orchestrator.wire.own_shapes import SetJobBookmarkRequest, SetJobBookmarkResponse


async def set_job_bookmark(ctx: Context, request: SetJobBookmarkRequest) -> SetJobBookmarkResponse:
    """Make `JobBookmark` the job's bookmark, as a new version; the history is kept.

    A run that is under way has read the version before, so its commit will lose. With Version, nothing is changed where
    the bookmark has another version by now; only the same call again, as a re-sent one is, is accepted again.

    Raises:
        EntityNotFoundError: no such job, or it is deleted: no run would ever read it.
        InvalidInputError: the text is longer than a script may write.
        VersionMismatchError: the bookmark has moved in between.
    """
    size = len(request.job_bookmark.encode())
    if size > rules.MAX_BYTES:
        sentence = f"JobBookmark has {size:,} bytes; the limit is {rules.MAX_BYTES:,}."
        raise InvalidInputError(sentence)
    at_ms = ctx.now_ms()

    def write(tx: Transaction) -> BookmarkEntry:
        job_key = jobs.get(tx, request.job_name).job_key
        current = bookmarks.find(tx, job_key)
        if current is not None and rules.is_again(current, bookmark=request.job_bookmark, seen=request.version):
            return current
        if request.version not in {None, rules.version_of(current)}:
            raise VersionMismatchError(request.job_name, seen=request.version or 0, current=rules.version_of(current))
        entry = rules.written(current, job_key=job_key, bookmark=request.job_bookmark)
        bookmarks.append(tx, entry, cause="set", run_seq=None, at_ms=at_ms)
        return entry

    entry = await ctx.database.write("set_bookmark", write)
    return SetJobBookmarkResponse(job_bookmark_entry=bookmark_shape(entry, request.job_name))

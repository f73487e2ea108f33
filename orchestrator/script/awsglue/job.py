"""`Job`: where a script's bookmark is read (`init`) and written (`commit`).

Glue keeps the state of each `transformation_ctx` behind the scenes of its readers. Without Spark there are no such
readers, so the state is the script's to keep: `job.bookmark` is that mapping.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from orchestrator.script import orchestrator_bookmark
else:
    import orchestrator_bookmark  # the sibling of this package on a script's path


class Job:
    """One run of a job, as its script sees it.

    ```
    job = Job(None)
    job.init(args["JOB_NAME"], args)
    last = job.bookmark.get("orders", {}).get("last_id", 0)
    ...
    job.bookmark["orders"] = {"last_id": 4711}
    job.commit()
    ```
    """

    def __init__(self, glue_context: object = None) -> None:
        """Take the GlueContext, which may be None: nothing here needs it."""
        self.glue_context = glue_context
        self.job_name: str | None = None
        # Keyed by transformation_ctx; `commit` writes it. Empty until `init`.
        self.bookmark: dict[str, Any] = {}
        # The upper end of a paused run's window; None where the window is open.
        self.bookmark_upper: dict[str, Any] | None = None
        self._as_read: dict[str, Any] = {}

    def init(self, job_name: str, args: Mapping[str, Any] | None = None) -> None:  # noqa: ARG002 - Glue's signature
        """Read the bookmark; `bookmark` and `bookmark_upper` hold it afterwards.

        With `job-bookmark-disable`, on a first run and outside a run `bookmark` is empty. The daemon, not `args`, says
        which option counts; the two agree unless a script has made `args` up.

        Raises:
            BookmarkError: the bookmark is not a JSON object; one of another form is `orchestrator_bookmark`'s to read.
        """
        self.bookmark = _as_object(orchestrator_bookmark.get({}))
        upper = orchestrator_bookmark.get_upper()
        self.bookmark_upper = None if upper is None else _as_object(upper)
        self._as_read = copy.deepcopy(self.bookmark)
        self.job_name = job_name

    def isInitialized(self) -> bool:
        """Return whether `init` has been called."""
        return self.job_name is not None

    def commit(self) -> None:
        """Leave `bookmark` for the next run; it moves if and only if this run succeeds.

        Writes with `job-bookmark-enable` only; with pause or disable, and outside a run, does nothing. If `bookmark` is
        as `init` read it, what the file holds is committed again, so that a script may use `orchestrator_bookmark.put`
        and still end with `commit`.

        Raises:
            RuntimeError: `init` has not been called.
            BookmarkError: `bookmark` is not JSON or has more than 64 KiB.
        """
        if not self.isInitialized():
            raise RuntimeError("Job.commit() needs Job.init() first")
        if self.bookmark == self._as_read:
            orchestrator_bookmark.write_text(orchestrator_bookmark.read_text() or "{}")
        else:
            orchestrator_bookmark.put(self.bookmark)
            self._as_read = copy.deepcopy(self.bookmark)


def _as_object(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        message = (
            f"the bookmark is a JSON {type(value).__name__}, not an object keyed by transformation_ctx;"
            " read it with orchestrator_bookmark.get()"
        )
        raise orchestrator_bookmark.BookmarkError(message)
    return value

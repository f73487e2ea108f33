"""How a bookmark moves: commits, resets, rewinds and what somebody has set, as pure steps from one entry to the next.

Source: design §4.7.
"""

from typing import Final

from orchestrator.model.records import BookmarkEntry

MAX_BYTES: Final = 64 * 1024
EMPTY: Final = "{}"


def committed(
    current: BookmarkEntry | None, *, job_key: int, bookmark: str, run_id: str, attempt: int
) -> BookmarkEntry:
    """Return the entry after a run's commit: one version and one run further."""
    return BookmarkEntry(
        job_key=job_key,
        version=version_of(current) + 1,
        run=(current.run if current else 0) + 1,
        attempt=attempt,
        bookmark=bookmark,
        run_id=run_id,
        previous_run_id=current.run_id if current else None,
    )


def reset(current: BookmarkEntry) -> BookmarkEntry:
    """Return the entry after a full reset: the next run takes in everything again."""
    return BookmarkEntry(
        job_key=current.job_key,
        version=current.version + 1,
        run=0,
        attempt=0,
        bookmark=EMPTY,
        run_id=None,
        previous_run_id=None,
    )


def rewound(current: BookmarkEntry, target: BookmarkEntry) -> BookmarkEntry:
    """Return the entry after a rewind: what `target` held, as a new version."""
    return BookmarkEntry(
        job_key=current.job_key,
        version=current.version + 1,
        run=target.run,
        attempt=target.attempt,
        bookmark=target.bookmark,
        run_id=target.run_id,
        previous_run_id=target.previous_run_id,
    )


def written(current: BookmarkEntry | None, *, job_key: int, bookmark: str) -> BookmarkEntry:
    """Return the entry after somebody has set the bookmark: no run has left it.

    It counts as one run at least, for a bookmark of no run is what a full reset leaves, and is shown to no script.
    """
    return BookmarkEntry(
        job_key=job_key,
        version=version_of(current) + 1,
        run=max(1, current.run if current else 0),
        attempt=0,
        bookmark=bookmark,
        run_id=None,
        previous_run_id=current.run_id if current else None,
    )


def is_again(current: BookmarkEntry, *, bookmark: str, seen: int | None) -> bool:
    """Say whether somebody who had seen the version `seen` has set just this, and nobody anything since."""
    return seen is not None and current.version == seen + 1 and current.bookmark == bookmark


def version_of(current: BookmarkEntry | None) -> int:
    """Return the version to compare against; 0 where there is no bookmark yet."""
    return current.version if current else 0

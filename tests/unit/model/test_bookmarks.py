"""A bookmark moves by whole steps: every step one version further, Run counting the commits since the last reset."""

from orchestrator.model import bookmarks
from orchestrator.model.records import BookmarkEntry

FIRST = bookmarks.committed(None, job_key=1, bookmark='{"day": 1}', run_id="jr_a", attempt=0)
SECOND = bookmarks.committed(FIRST, job_key=1, bookmark='{"day": 2}', run_id="jr_b_attempt_2", attempt=2)


def test_the_first_commit_is_version_one_run_one_attempt_zero() -> None:
    assert (
        BookmarkEntry(
            job_key=1, version=1, run=1, attempt=0, bookmark='{"day": 1}', run_id="jr_a", previous_run_id=None
        )
        == FIRST
    )


def test_the_next_commit_counts_on_and_names_the_one_before() -> None:
    assert (
        BookmarkEntry(
            job_key=1,
            version=2,
            run=2,
            attempt=2,
            bookmark='{"day": 2}',
            run_id="jr_b_attempt_2",
            previous_run_id="jr_a",
        )
        == SECOND
    )


def test_a_reset_forgets_all_but_the_version() -> None:
    assert bookmarks.reset(SECOND) == BookmarkEntry(
        job_key=1, version=3, run=0, attempt=0, bookmark="{}", run_id=None, previous_run_id=None
    )


def test_a_rewind_takes_what_a_run_had_committed_as_a_new_version() -> None:
    assert bookmarks.rewound(SECOND, FIRST) == BookmarkEntry(
        job_key=1, version=3, run=1, attempt=0, bookmark='{"day": 1}', run_id="jr_a", previous_run_id=None
    )


def test_the_commit_after_a_reset_counts_runs_anew_and_versions_on() -> None:
    entry = bookmarks.committed(bookmarks.reset(SECOND), job_key=1, bookmark="x", run_id="jr_c", attempt=0)
    assert (entry.version, entry.run, entry.previous_run_id) == (4, 1, None)


def test_no_bookmark_has_version_zero() -> None:
    assert bookmarks.version_of(None) == 0
    assert bookmarks.version_of(SECOND) == 2


def test_what_is_set_is_a_new_version_of_no_run_that_scripts_see() -> None:
    first = bookmarks.written(None, job_key=7, bookmark="a")
    assert (first.version, first.run, first.attempt, first.bookmark) == (1, 1, 0, "a")
    assert (first.run_id, first.previous_run_id) == (None, None)
    after_reset = bookmarks.written(bookmarks.reset(first), job_key=7, bookmark="b")
    assert (after_reset.version, after_reset.run) == (3, 1)


def test_what_is_set_keeps_how_many_runs_have_committed() -> None:
    second = bookmarks.committed(
        bookmarks.written(None, job_key=7, bookmark="a"), job_key=7, bookmark="b", run_id="jr_1", attempt=0
    )
    third = bookmarks.written(second, job_key=7, bookmark="c")
    assert (third.version, third.run, third.previous_run_id) == (3, 2, "jr_1")


def test_only_the_same_text_right_after_the_version_seen_is_the_same_call() -> None:
    entry = bookmarks.written(None, job_key=7, bookmark="a")
    assert bookmarks.is_again(entry, bookmark="a", seen=0)
    assert not bookmarks.is_again(entry, bookmark="b", seen=0)
    assert not bookmarks.is_again(entry, bookmark="a", seen=1)
    assert not bookmarks.is_again(entry, bookmark="a", seen=None)

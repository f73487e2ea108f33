"""A script's bookmark is read whole or refused with a reason, is replaced as a whole, and moves when enabled only."""

from __future__ import annotations

import errno
import math
from pathlib import Path
from typing import Any

import pytest

from orchestrator.script import orchestrator_bookmark as bookmark

LIMIT_BYTES = 65_536


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bookmark's file of a run with bookmarks enabled; it is not there yet."""
    path = tmp_path / "bookmark"
    monkeypatch.setenv("ORCH_BOOKMARK_OPTION", "job-bookmark-enable")
    monkeypatch.setenv("ORCH_BOOKMARK_FILE", str(path))
    monkeypatch.delenv("ORCH_BOOKMARK_TO_FILE", raising=False)
    return path


@pytest.fixture
def upper_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The upper end of the window of a paused run."""
    monkeypatch.setenv("ORCH_BOOKMARK_OPTION", "job-bookmark-pause")
    path = file.with_name("bookmark_to")
    monkeypatch.setenv("ORCH_BOOKMARK_TO_FILE", str(path))
    return path


@pytest.fixture
def by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of a script that no daemon runs."""
    for name in ("ORCH_BOOKMARK_OPTION", "ORCH_BOOKMARK_FILE", "ORCH_BOOKMARK_TO_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_a_first_run_finds_no_bookmark(file: Path) -> None:
    assert not file.exists()
    assert bookmark.get() is None
    assert bookmark.get({}) == {}
    assert bookmark.read_text() is None


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None]}, [], "Ünïcode \u2603 \U0001f6eb", 0, False, {"nul": "\0"}])
def test_what_is_put_is_what_is_got(file: Path, value: object) -> None:
    assert bookmark.put(value)
    assert bookmark.get("absent") == value
    assert file.exists()


def test_the_last_put_wins(file: Path) -> None:
    bookmark.put(1)
    bookmark.put(2)

    assert file.read_text() == "2"


def test_text_that_is_not_json_is_kept_as_it_is(file: Path) -> None:
    bookmark.write_text("2013-06\n")

    assert file.read_bytes() == b"2013-06\n"
    assert bookmark.read_text() == "2013-06\n"


def test_an_empty_file_is_no_bookmark(file: Path) -> None:
    file.write_bytes(b"\n")

    assert bookmark.get("absent") == "absent"


@pytest.mark.parametrize("text", ['{"last_month": "2013-', "2013-06", "[" * 50_000])
def test_torn_or_foreign_json_is_refused_and_shown(file: Path, text: str) -> None:
    file.write_text(text)

    with pytest.raises(bookmark.BookmarkError, match="not JSON") as raised:
        bookmark.get()
    assert text[:20] in str(raised.value)


def test_a_file_that_is_not_utf8_is_refused(file: Path) -> None:
    file.write_bytes(b'{"a": "\xff"}')

    with pytest.raises(bookmark.BookmarkError, match="not UTF-8"):
        bookmark.get()


def test_a_bookmark_of_exactly_the_limit_passes(file: Path) -> None:
    assert bookmark.write_text("x" * LIMIT_BYTES)
    assert bookmark.read_text() == "x" * LIMIT_BYTES
    assert file.stat().st_size == LIMIT_BYTES


def test_a_bookmark_over_the_limit_is_refused_and_the_old_one_stays(file: Path) -> None:
    bookmark.write_text("old")

    with pytest.raises(bookmark.BookmarkError, match=r"65,537 bytes; the limit is 65,536"):
        bookmark.write_text("x" * (LIMIT_BYTES + 1))
    assert file.read_text() == "old"


def test_the_limit_counts_bytes_not_characters(file: Path) -> None:
    with pytest.raises(bookmark.BookmarkError, match="the limit"):
        bookmark.put("\u2603" * (LIMIT_BYTES // 2))
    assert not file.exists()


def test_a_file_over_the_limit_is_refused(file: Path) -> None:
    file.write_bytes(b"x" * (LIMIT_BYTES + 1))

    with pytest.raises(bookmark.BookmarkError, match="more than 65,536 bytes"):
        bookmark.read_text()


@pytest.mark.parametrize("value", [object(), math.nan, {1, 2}])
def test_a_value_that_is_not_json_is_refused(file: Path, value: object) -> None:
    with pytest.raises(bookmark.BookmarkError, match="as JSON"):
        bookmark.put(value)
    assert not file.exists()


def test_half_a_surrogate_pair_is_refused(file: Path) -> None:
    with pytest.raises(bookmark.BookmarkError, match="as UTF-8"):
        bookmark.put("\ud83d")
    assert not file.exists()


def test_a_put_replaces_the_file_and_never_writes_into_it(file: Path) -> None:
    file.write_text('"old"')
    with file.open() as as_it_was:
        bookmark.put("new")

        assert as_it_was.read() == '"old"'
    assert file.read_text() == '"new"'


def test_a_refusal_of_the_file_system_leaves_the_old_bookmark_and_nothing_else(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text('"old"')

    def refuse(_self: Path, _target: object) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", refuse)

    with pytest.raises(OSError, match="No space left"):
        bookmark.put("new")
    assert list(file.parent.iterdir()) == [file]
    assert file.read_text() == '"old"'


@pytest.mark.usefixtures("by_hand")
def test_outside_a_run_there_is_no_bookmark_and_put_does_nothing() -> None:
    assert bookmark.option() == "job-bookmark-disable"
    assert bookmark.get("absent") == "absent"
    assert bookmark.get_upper() is None
    assert not bookmark.put({"a": 1})


def test_a_paused_run_reads_and_does_not_write(upper_file: Path, file: Path) -> None:
    file.write_text("1")
    upper_file.write_text("2")

    assert (bookmark.get(), bookmark.get_upper()) == (1, 2)
    assert not bookmark.put(3)
    assert file.read_text() == "1"


def test_a_window_may_be_open_above(upper_file: Path) -> None:
    assert not upper_file.exists()
    assert bookmark.get_upper() is None
    assert bookmark.get_upper({}) == {}


def test_a_disabled_run_neither_reads_nor_writes(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file.write_text("1")
    monkeypatch.setenv("ORCH_BOOKMARK_OPTION", "job-bookmark-disable")

    assert bookmark.get() is None
    assert not bookmark.put(2)
    assert file.read_text() == "1"

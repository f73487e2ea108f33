"""`awsglue.job.Job` reads the bookmark at `init`; `commit` leaves the next one, where the run may write one."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

import orchestrator.script

ROOM = Path(orchestrator.script.__file__).parent


@pytest.fixture
def job(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A job that is not initialized."""
    monkeypatch.syspath_prepend(str(ROOM))
    return importlib.import_module("orchestrator.script.awsglue.job").Job(None)


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The bookmark's file of a run with bookmarks enabled; it is not there yet."""
    path = tmp_path / "bookmark"
    monkeypatch.setenv("ORCH_BOOKMARK_OPTION", "job-bookmark-enable")
    monkeypatch.setenv("ORCH_BOOKMARK_FILE", str(path))
    monkeypatch.delenv("ORCH_BOOKMARK_TO_FILE", raising=False)
    return path


def test_a_job_is_initialized_by_init(job: Any, file: Path) -> None:
    assert not job.isInitialized()
    job.init("ingest")

    assert job.isInitialized()
    assert job.job_name == "ingest"
    assert not file.exists()


def test_a_commit_before_init_is_refused(job: Any, file: Path) -> None:
    with pytest.raises(RuntimeError, match=r"needs Job\.init"):
        job.commit()
    assert not file.exists()


def test_the_state_of_each_context_is_committed_together(job: Any, file: Path) -> None:
    file.write_text('{"orders": {"last_id": 1}}')
    job.init("ingest", {})
    job.bookmark["orders"]["last_id"] = 2
    job.bookmark["customers"] = {"last_id": 7}
    job.commit()

    assert json.loads(file.read_text()) == {"orders": {"last_id": 2}, "customers": {"last_id": 7}}


def test_the_last_commit_wins(job: Any, file: Path) -> None:
    job.init("ingest")
    for number in (1, 2):
        job.bookmark["orders"] = number
        job.commit()

    assert json.loads(file.read_text()) == {"orders": 2}


def test_a_commit_without_state_is_a_commit_nevertheless(job: Any, file: Path) -> None:
    job.init("ingest")
    job.commit()

    assert file.read_text() == "{}"


def test_a_commit_of_an_untouched_bookmark_replaces_the_file_by_the_same(job: Any, file: Path) -> None:
    file.write_text('{"orders":   1}')
    with file.open() as as_it_was:  # held open, so that its inode is not used again
        job.init("ingest")
        job.commit()

        assert file.stat().st_ino != Path(f"/proc/self/fd/{as_it_was.fileno()}").stat().st_ino
    assert file.read_text() == '{"orders":   1}'


def test_a_commit_keeps_what_the_script_put_by_itself(job: Any, file: Path) -> None:
    job.init("ingest")
    importlib.import_module("orchestrator_bookmark").put({"by": "hand"})
    job.commit()

    assert json.loads(file.read_text()) == {"by": "hand"}


def test_a_paused_job_sees_the_window_and_leaves_the_bookmark(
    job: Any,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upper = file.with_name("upper")
    file.write_text('{"orders": 1}')
    upper.write_text('{"orders": 5}')
    monkeypatch.setenv("ORCH_BOOKMARK_OPTION", "job-bookmark-pause")
    monkeypatch.setenv("ORCH_BOOKMARK_TO_FILE", str(upper))

    job.init("ingest")
    assert (job.bookmark, job.bookmark_upper) == ({"orders": 1}, {"orders": 5})
    job.bookmark["orders"] = 5
    job.commit()
    assert file.read_text() == '{"orders": 1}'


def test_a_disabled_job_starts_with_nothing_and_leaves_the_bookmark(
    job: Any,
    file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file.write_text('{"orders": 1}')
    monkeypatch.setenv("ORCH_BOOKMARK_OPTION", "job-bookmark-disable")

    job.init("ingest")
    assert (job.bookmark, job.bookmark_upper) == ({}, None)
    job.bookmark["orders"] = 2
    job.commit()
    assert file.read_text() == '{"orders": 1}'


def test_a_script_run_by_hand_may_use_a_job(job: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ORCH_BOOKMARK_OPTION", "ORCH_BOOKMARK_FILE", "ORCH_BOOKMARK_TO_FILE"):
        monkeypatch.delenv(name, raising=False)

    job.init("ingest")
    job.bookmark["orders"] = 1
    job.commit()
    assert job.isInitialized()


def test_a_bookmark_that_is_no_object_is_refused_with_the_way_to_read_it(job: Any, file: Path) -> None:
    file.write_text("[1]")

    with pytest.raises(
        importlib.import_module("orchestrator_bookmark").BookmarkError, match=r"orchestrator_bookmark\.get"
    ):
        job.init("ingest")
    assert not job.isInitialized()

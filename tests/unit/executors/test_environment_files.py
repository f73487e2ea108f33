"""What lies in the directory of environments is told as it is: nothing that is used or half made goes, and all the rest can."""

import fcntl
import json
import os
from pathlib import Path

import pytest

from orchestrator.executors.local.environment_files import EnvironmentFiles, Found
from orchestrator.model.ids import JobRunId
from tests.support.records import run_id

DIGEST = "d" * 64
NAME = "a" * 16
OTHER = "b" * 16


def a_place(root: Path, name: str = NAME, *, is_ready: bool = True, digest: str = DIGEST) -> Path:
    """Make an environment, or what a making was cut off from."""
    place = root / digest / name
    (place / "lib").mkdir(parents=True)
    (root / digest / "lock").touch()
    if is_ready:
        (root / digest / "ready.json").write_text(json.dumps({"v": 1, "name": name, "bytes": 7}))
    return place


def files(root: Path, *held: JobRunId) -> EnvironmentFiles:
    return EnvironmentFiles(root, lambda run: run in held)


def only(one: EnvironmentFiles) -> Found:
    (found,) = one.found()
    return found


def test_nothing_is_there_at_first(tmp_path: Path) -> None:
    empty = files(tmp_path / "none")
    assert [*empty.found(), *empty.remains()] == []
    assert empty.find(DIGEST) is None


def test_only_what_is_named_as_ready_is_an_environment(tmp_path: Path) -> None:
    ready = a_place(tmp_path)
    half = a_place(tmp_path, OTHER, is_ready=False)
    assert files(tmp_path).find(DIGEST) == ready
    assert (only(files(tmp_path)).place, only(files(tmp_path)).stored_bytes) == (ready, 7)
    assert list(files(tmp_path).remains()) == [half]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": 1}', '{"name": "../x"}', '{"name": "cccccccccccccccc"}'])
def test_a_note_that_names_nothing_makes_no_environment(tmp_path: Path, text: str) -> None:
    half = a_place(tmp_path, is_ready=False)
    (tmp_path / DIGEST / "ready.json").write_text(text)
    assert files(tmp_path).find(DIGEST) is None
    assert only(files(tmp_path)).place is None
    assert list(files(tmp_path).remains()) == [half]


def test_what_is_being_made_is_neither_remains_nor_removed(tmp_path: Path) -> None:
    half = a_place(tmp_path, is_ready=False)
    one = files(tmp_path)
    with (tmp_path / DIGEST / "lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert only(one).is_being_made
        assert list(one.remains()) == []
        assert not one.remove(only(one))
        assert half.is_dir()
    assert one.remove(only(one))
    assert list(tmp_path.iterdir()) == []


def test_what_was_lent_stays_until_it_is_given_back(tmp_path: Path) -> None:
    a_place(tmp_path)
    one = files(tmp_path)
    one.lend(DIGEST, run_id(1))
    assert one.is_used(only(one))
    assert not one.remove(only(one))
    one.give_back(DIGEST, run_id(1))
    assert one.remove(only(one))


def test_what_a_live_run_uses_stays_though_nobody_has_lent_it(tmp_path: Path) -> None:
    a_place(tmp_path)
    files(tmp_path).lend(DIGEST, run_id(1))
    use = tmp_path / DIGEST / "uses" / str(run_id(1))
    os.utime(use, (1, 1))
    assert files(tmp_path, run_id(1)).is_used(only(files(tmp_path)))
    later = files(tmp_path)
    assert not later.is_used(only(later))
    assert use.exists()  # a look changes nothing
    later.forget_uses(only(later))
    assert not use.exists()


def test_a_use_that_was_just_noted_counts_although_its_run_is_not_live_yet(tmp_path: Path) -> None:
    a_place(tmp_path)
    files(tmp_path).lend(DIGEST, run_id(1))
    assert files(tmp_path).is_used(only(files(tmp_path)))


def test_a_removal_that_was_cut_off_leaves_no_environment(tmp_path: Path) -> None:
    a_place(tmp_path)
    (tmp_path / DIGEST).rename(tmp_path / ".removed.0")
    assert files(tmp_path).find(DIGEST) is None
    assert list(files(tmp_path).remains()) == [tmp_path / ".removed.0"]


def test_links_in_the_directory_are_not_followed(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    a_place(elsewhere)
    root = tmp_path / "root"
    root.mkdir()
    (root / DIGEST).symlink_to(elsewhere / DIGEST)
    assert [*files(root).found(), *files(root).remains()] == []

"""An ended run's directory goes whole, whatever its script made of it, and nothing outside of it does."""

import fcntl
import os
from pathlib import Path

import pytest

from orchestrator.executors.local import removal
from orchestrator.executors.local.run_directory import RunDirectory
from tests.support.records import run_id

_DEEP = 1_500
"""Deeper than Python recurses, and than a path may be long."""


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    made = RunDirectory(tmp_path / "runs", run_id(1))
    made.create()
    for name in ("spec.json", "claim", "ending.json", "stdout.log"):
        (made.path / name).write_text("x" * 5_000)
    (made.path / "work").mkdir()
    return made


def test_a_directory_goes_with_all_that_is_in_it_and_its_neighbours_stay(directory: RunDirectory) -> None:
    neighbour = RunDirectory(directory.path.parent.parent, run_id(2))
    neighbour.create()
    (directory.path / "work" / "a" / "b").mkdir(parents=True)
    (directory.path / "work" / "a" / "b" / "file").touch()
    assert directory.discard()
    assert not directory.path.exists()
    assert neighbour.path.exists()


def test_what_is_gone_already_is_gone(directory: RunDirectory) -> None:
    assert directory.discard()
    assert directory.discard()
    assert RunDirectory(directory.path.parent.parent / "none", run_id(3)).discard()


def test_while_the_claim_is_locked_nothing_goes(directory: RunDirectory) -> None:
    before = sorted(directory.path.iterdir())
    with (directory.path / "claim").open() as claim:
        fcntl.flock(claim, fcntl.LOCK_EX)
        assert not directory.discard()
        assert sorted(directory.path.iterdir()) == before
    assert directory.discard()


def test_links_are_removed_and_what_they_lead_to_stays(directory: RunDirectory, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("precious")
    (directory.path / "work" / "directory").symlink_to(outside)
    (directory.path / "work" / "file").symlink_to(outside / "file")
    (directory.path / "claim").unlink()
    (directory.path / "claim").symlink_to(outside / "file")
    assert directory.discard()
    assert (outside / "file").read_text() == "precious"


def test_a_link_in_the_directorys_place_is_removed_itself(directory: RunDirectory, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    directory.path.rename(outside)
    directory.path.symlink_to(outside)
    assert directory.discard()
    assert not directory.path.is_symlink()
    assert (outside / "stdout.log").exists()


def test_a_tree_of_any_depth_goes(directory: RunDirectory) -> None:
    handle = os.open(directory.path / "work", os.O_RDONLY)
    for _ in range(_DEEP):
        os.mkdir("d", dir_fd=handle)
        below = os.open("d", os.O_RDONLY, dir_fd=handle)
        os.close(handle)
        handle = below
    os.close(handle)
    assert directory.discard()
    assert not directory.path.exists()


def test_modes_that_a_script_has_set_do_not_keep_anything(directory: RunDirectory) -> None:
    locked = directory.path / "work" / "locked"
    (locked / "inner").mkdir(parents=True)
    (locked / "inner" / "file").touch()
    for path in (locked / "inner", locked, directory.path / "work", directory.path / "claim", directory.path):
        path.chmod(0)
    assert directory.discard()


def test_names_that_the_removal_would_take_itself_do_not_stop_it(directory: RunDirectory) -> None:
    (directory.path / ".removed.1" / "a").mkdir(parents=True)
    (directory.path / "work" / ".removed.1" / ".removed.2").mkdir(parents=True)
    (directory.path / "claim").unlink()
    (directory.path / "claim" / "claim").mkdir(parents=True)
    assert directory.discard()
    assert not directory.path.exists()


def test_the_claim_goes_last(directory: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who looks in between sees a run that nobody can start any more."""

    class CutOffError(Exception):
        pass

    def cut_off(name: str, parent: int) -> bool:
        if name == "claim":
            raise CutOffError
        return unlink(name, parent)

    unlink = removal._unlink
    monkeypatch.setattr(removal, "_unlink", cut_off)
    with pytest.raises(CutOffError):
        directory.discard()
    assert [path.name for path in directory.path.iterdir()] == ["claim"]
    monkeypatch.undo()
    assert directory.discard()


def test_the_room_of_all_files_is_added_up_without_following_links(directory: RunDirectory, tmp_path: Path) -> None:
    before = directory.stored_bytes()
    (tmp_path / "outside").write_bytes(b"x" * 100_000)
    (directory.path / "work" / "link").symlink_to(tmp_path / "outside")
    assert directory.stored_bytes() - before < 50_000
    (directory.path / "work" / "inside").write_bytes(b"x" * 100_000)
    assert directory.stored_bytes() - before >= 100_000
    directory.discard()
    assert directory.stored_bytes() == 0

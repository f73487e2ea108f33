"""Small file systems of a test's own, that can be filled, mounted again or cut off; only root can mount them."""

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(root: Path, *, what: str = "a full disk") -> Iterator[Path]:
    """Lend a file system of 16 MiB and 400 inodes below `root`, and take it away; a test of `what` is skipped without."""
    disk = root / "disk"
    disk.mkdir()
    mount(["-t", "tmpfs", "-o", "size=16m,nr_inodes=400", "tmpfs", str(disk)], what=what)
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def mount(arguments: list[str], *, what: str) -> None:
    """Mount a file system, or skip the test of `what` where that cannot be done here."""
    if os.geteuid() != 0:
        pytest.skip(f"NOT TESTED: {what}. It needs a file system of its own, which only root can mount")
    mounted = subprocess.run(["mount", *arguments], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"NOT TESTED: {what}. A file system cannot be mounted here: {mounted.stderr.decode()}")


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    """Fill the disk to its last byte, and empty it again."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        for size in (1024 * 1024, 4096, 1):
            with contextlib.suppress(OSError):
                while file.write(b"x" * size) == size:
                    pass
    assert os.statvfs(disk).f_bavail == 0
    yield
    filler.unlink()


@contextlib.contextmanager
def without_inodes(disk: Path) -> Iterator[None]:
    """Take every inode that the disk has left, and give them back: no file can be made, but those there can grow."""
    folder = disk / "fillers"
    folder.mkdir()
    with contextlib.suppress(OSError):
        for number in itertools.count():
            (folder / str(number)).touch()
    yield
    shutil.rmtree(folder)

"""Small file systems of a test's own, that can be filled, mounted again or cut off; only root can mount them."""

import contextlib
import fcntl
import itertools
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

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


class PowerCut:
    """An ext4 file system in an image, whose power can be cut: what was not flushed is gone."""

    _SHUTDOWN: Final = 0x8004587D  # FS_IOC_SHUTDOWN
    _NO_LOG_FLUSH: Final = struct.pack("I", 2)

    def __init__(self, root: Path) -> None:
        """Keep image and mount point below `root`."""
        self.path = root / "disk"
        self._image = root / "image"

    def __enter__(self) -> Self:
        """Make and mount it, or skip the test."""
        if shutil.which("mkfs.ext4") is None:
            pytest.skip("NOT TESTED: a power cut. mkfs.ext4 is missing")
        self.path.mkdir()
        with self._image.open("wb") as image:
            image.truncate(128 * 1024 * 1024)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self._image)], check=True)
        self._mount()
        return self

    def __exit__(self, *_: object) -> None:
        """Take it away, and with it what was in it."""
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)
        self._image.unlink()

    def cut(self) -> None:
        """Let the disk take nothing any more, from this instant on."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, self._SHUTDOWN, self._NO_LOG_FLUSH)
        finally:
            os.close(descriptor)

    def come_back(self) -> None:
        """Mount what is left: a copy, for some other mount namespace may keep the old one alive, and dead to all."""
        subprocess.run(["umount", "--lazy", str(self.path)], check=True)
        copy = self._image.with_suffix(".copy")
        shutil.copyfile(self._image, copy)
        self._image.unlink()
        copy.rename(self._image)
        self._mount()

    def _mount(self) -> None:
        mount(["-o", "loop", str(self._image), str(self.path)], what="a power cut")

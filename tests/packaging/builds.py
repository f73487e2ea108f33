"""Wheel and source distribution, built from a copy of what is tracked, by the pinned hatchling and without isolation."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

from tests.support.daemon import ROOT

EPOCH: Final = "1767225600"  # 2026-01-01
WITHIN_S: Final = 120  # of what takes some ten seconds on a machine with nothing else to do


def tracked() -> list[str]:
    """Return the files of the project, and those that are about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def copy_source(place: Path) -> Path:
    """Copy what is tracked, and a history-less .git beside it, as a clone has one; return the copy."""
    for name in tracked():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, place / name)
    subprocess.run(["git", "init", "-q", str(place)], check=True)
    return place


def build(source: Path, target: Path, *targets: str) -> dict[str, Path]:
    """Build in `source` what `targets` name (`wheel`, `sdist`; none: both); return the files by suffix, `.whl` and `.gz`."""
    clean = {"PATH": os.environ["PATH"], "HOME": str(target), "SOURCE_DATE_EPOCH": EPOCH}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(target), *(f"-t={name}" for name in targets)],
        cwd=source,
        env=clean,
        check=True,
        capture_output=True,
        timeout=WITHIN_S,
    )
    return {path.suffix: path for path in target.iterdir()}


def wheel_contents(wheel: Path) -> dict[str, bytes]:
    """Return what is in a wheel, by name."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def sdist_names(sdist: Path) -> set[str]:
    """Return the names in a source distribution, without the directory that all are in."""
    with tarfile.open(sdist) as archive:
        return {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}

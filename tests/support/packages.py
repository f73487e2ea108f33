"""Packages that a test builds itself, in a directory that is an index for installers: nothing is fetched from anywhere."""

import io
import os
import sys
import tarfile
import textwrap
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_WHEEL: Final = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
_BACKEND: Final = """
import os, time
from wheels import write

def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    log, gate = {log!r}, {gate!r}
    with open(log, "a") as file:
        file.write(f"{{os.getpid()}}\\n")
    print("waits for its gate; packages come from", os.environ.get("PIP_EXTRA_INDEX_URL"), flush=True)
    while not os.path.exists(gate):
        time.sleep(0.02)
    if open(gate).read() == "fail":
        raise SystemExit("the gate says no")
    return write(wheel_directory, {name!r}, {version!r}, {{"{name}.py": "VERSION = {version!r}\\n"}})

build_sdist = None
"""
_WRITE: Final = """
import zipfile

def write(folder, name, version, files, requires=()):
    tag = f"{name}-{version}"
    path = f"{folder}/{tag}-py3-none-any.whl"
    described = f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n"
    described += "".join(f"Requires-Dist: {one}\\n" for one in requires)
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
        archive.writestr(f"{tag}.dist-info/METADATA", described)
        archive.writestr(f"{tag}.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        archive.writestr(f"{tag}.dist-info/RECORD", "")
    return path.rpartition("/")[2]
"""


def wheel(
    folder: Path, name: str, version: str = "1.0", files: Mapping[str, str] | None = None, requires: Sequence[str] = ()
) -> Path:
    """Write a wheel of a pure package into `folder`; by default a module of its name that has its VERSION."""
    tag = f"{name}-{version}"
    path = folder / f"{tag}-py3-none-any.whl"
    described = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    described += "".join(f"Requires-Dist: {one}\n" for one in requires)
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in (files or {f"{name}.py": f"VERSION = {version!r}\n"}).items():
            archive.writestr(file, text)
        archive.writestr(f"{tag}.dist-info/METADATA", described)
        archive.writestr(f"{tag}.dist-info/WHEEL", _WHEEL)
        archive.writestr(f"{tag}.dist-info/RECORD", "")
    return path


class SlowPackage:
    """A package that is built where it is installed, by a backend of its own that waits for `gate` to exist."""

    def __init__(self, folder: Path, root: Path, name: str = "slow") -> None:
        """Write its source archive into `folder`; what it does is told below `root`."""
        self.name = name
        self.gate = root / f"{name}.gate"
        self._log = root / f"{name}.builds"
        root.chmod(0o755)
        self._log.touch()
        self._log.chmod(0o666)
        version = "1.0"
        project = textwrap.dedent("""
            [project]
            name = "%s"
            version = "%s"
            [build-system]
            requires = []
            build-backend = "backend"
            backend-path = ["."]
        """)
        backend = _BACKEND.format(log=str(self._log), gate=str(self.gate), name=name, version=version)
        described = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        files = {
            "pyproject.toml": project % (name, version),
            "backend.py": backend,
            "wheels.py": _WRITE,
            "PKG-INFO": described,
        }
        with tarfile.open(folder / f"{name}-{version}.tar.gz", "w:gz") as archive:
            for file, text in files.items():
                data = text.encode()
                entry = tarfile.TarInfo(f"{name}-{version}/{file}")
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))

    @property
    def builders(self) -> list[int]:
        """The pids of the builds that have begun."""
        return [int(line) for line in self._log.read_text().split()]


def uv() -> Path:
    """Return where uv is: among what the tests are installed with."""
    return Path(os.path.abspath(Path(sys.executable).parent / "uv"))  # noqa: PTH100 - a venv's python is a link

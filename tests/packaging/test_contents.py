"""What is in the wheel and the source distribution, and that the same source gives the same bytes."""

import email
import os
import tarfile
import tomllib
from pathlib import Path

from tests.packaging.builds import build, copy_source, sdist_names, tracked, wheel_contents
from tests.support.daemon import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
INFO = f"orchestrator-{PROJECT['version']}.dist-info"


def test_the_wheel_has_every_file_of_the_package_and_nothing_else(built: dict[str, Path]) -> None:
    contents = wheel_contents(built[".whl"])

    ours = {name for name in tracked() if name.startswith("orchestrator/")}
    info = {f"{INFO}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE")}
    assert set(contents) == ours | info
    assert {name: contents[name] for name in ours} == {name: (ROOT / name).read_bytes() for name in ours}
    assert contents[f"{INFO}/licenses/LICENSE"] == (ROOT / "LICENSE").read_bytes()
    assert {"orchestrator/py.typed", "orchestrator/store/schema.sql"} <= ours
    assert any(name.startswith("orchestrator/store/migrations/") for name in ours)


def test_the_metadata_say_what_the_project_says(built: dict[str, Path]) -> None:
    contents = wheel_contents(built[".whl"])
    metadata = email.message_from_bytes(contents[f"{INFO}/METADATA"])

    assert metadata["Name"] == "orchestrator"
    assert metadata["Version"] == PROJECT["version"]
    assert metadata["License-Expression"] == PROJECT["license"]
    assert metadata["License-File"] == "LICENSE"
    assert set(metadata["Requires-Python"].split(",")) == set(PROJECT["requires-python"].split(","))
    assert set(metadata.get_all("Provides-Extra", [])) == set(PROJECT["optional-dependencies"])
    required = metadata.get_all("Requires-Dist", [])
    for extra, wanted in PROJECT["optional-dependencies"].items():
        assert len([line for line in required if f"extra == '{extra}'" in line]) == len(wanted)
    assert len([line for line in required if "extra ==" not in line]) == len(PROJECT["dependencies"])
    points = contents[f"{INFO}/entry_points.txt"].decode()
    assert "orchestrator = orchestrator.__main__:main" in points
    assert "[pytest11]\norchestrator = orchestrator.testing.plugin" in points


def test_the_source_distribution_has_all_that_is_tracked(built: dict[str, Path]) -> None:
    assert sdist_names(built[".gz"]) == {*tracked(), "PKG-INFO"}


def test_the_source_distribution_builds_the_same_wheel(built: dict[str, Path], tmp_path: Path) -> None:
    with tarfile.open(built[".gz"]) as archive:
        archive.extractall(tmp_path / "unpacked", filter="data")
    (source,) = (tmp_path / "unpacked").iterdir()

    again = build(source, tmp_path / "dist", "wheel")

    assert again[".whl"].read_bytes() == built[".whl"].read_bytes()


def test_the_same_source_gives_the_same_bytes(built: dict[str, Path], tmp_path: Path) -> None:
    """Also from another directory, with other times, other modes, and what running it leaves in it."""
    copy = copy_source(tmp_path / "elsewhere" / "with another name")
    for path in sorted((copy / "orchestrator").rglob("*.py"), reverse=True):
        path.chmod(0o664)
        os.utime(path, (1e9, 1e9))
    for leftover in (
        "orchestrator/__pycache__/app.cpython-311.pyc",
        ".venv-3.11/lib/site.py",
        "state/state.db",
        "dist/x",
    ):
        (copy / leftover).parent.mkdir(parents=True, exist_ok=True)
        (copy / leftover).write_text("left over")

    again = build(copy, tmp_path / "dist")

    assert again[".whl"].read_bytes() == built[".whl"].read_bytes()
    assert again[".gz"].read_bytes() == built[".gz"].read_bytes()

"""A skipped test is loud here and a failure in CI; folders give their tests the marker that selects them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

CONFTEST: Final = Path(__file__).parents[1] / "conftest.py"
SKIPPED: Final = """
import pytest

def test_that_misses_something():
    pytest.skip("no strace here")

@pytest.mark.xfail(reason="known")
def test_that_is_expected_to_fail():
    assert False
"""


def test_a_skip_is_reported_with_its_reason(tmp_path: Path) -> None:
    ended = _pytest(tmp_path, {"test_it.py": SKIPPED})

    assert ended.returncode == 0
    assert "SKIPPED [1] test_it.py:5: no strace here" in ended.stdout


def test_a_skip_fails_in_ci_and_an_expected_failure_does_not(tmp_path: Path) -> None:
    ended = _pytest(tmp_path, {"test_it.py": SKIPPED}, no_skip="1")

    assert ended.returncode == 1
    assert "1 failed, 1 xfailed" in ended.stdout
    assert "no strace here (a skip is a failure under ORCHESTRATOR_TESTS_NO_SKIP=1)" in ended.stdout


def test_a_skipped_module_fails_in_ci(tmp_path: Path) -> None:
    ended = _pytest(tmp_path, {"test_it.py": 'import pytest\npytest.importorskip("no_such_module")'}, no_skip="1")

    assert ended.returncode == 2
    assert "no_such_module" in ended.stdout


@pytest.mark.parametrize(("folder", "marker"), [("conformance", "conformance"), ("benchmarks", "benchmark")])
def test_a_folder_gives_its_marker(tmp_path: Path, folder: str, marker: str) -> None:
    ended = _pytest(tmp_path, {f"{folder}/test_it.py": "def test_it(): pass"}, "-m", marker)

    assert "1 passed" in ended.stdout


def _pytest(folder: Path, files: dict[str, str], *options: str, no_skip: str = "") -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, folder)
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers =\n  conformance\n  benchmark\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-ra", "-p", "no:cacheprovider", *options],
        cwd=folder,
        env=os.environ | {"ORCHESTRATOR_TESTS_NO_SKIP": no_skip, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )

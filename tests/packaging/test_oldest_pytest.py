"""The fixtures of orchestrator.testing work with the oldest pytest that the extra `testing` allows."""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.testing.projects import WITHIN_S, Project

OLDEST: Final = Path(f"{sys.prefix}-wheels", "oldest")
pytestmark = [
    pytest.mark.skipif(not OLDEST.exists(), reason=f"make packaging downloads what is needed to {OLDEST}"),
    pytest.mark.timeout(2 * WITHIN_S + 30),
]


def test_the_example_project_passes_with_it(tmp_path: Path) -> None:
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--target", str(tmp_path / "lib")]
    subprocess.run([*pip, *map(str, OLDEST.glob("*.whl"))], check=True, capture_output=True, timeout=WITHIN_S)
    project = Project(tmp_path)
    project.copy_example()

    code, output = project.test("-p", "no:xdist", "-p", "no:timeout", more={"PYTHONPATH": str(tmp_path / "lib")})

    assert code == 0, output
    assert "pytest-8.0.0" in output
    assert "6 passed" in output
    assert project.left() == []

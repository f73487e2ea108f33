"""What runs beside a user's script imports the standard library only: the script's own libraries must not matter."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2] / "orchestrator"
SCRIPT: Final = ROOT / "script"
# What a script finds on its path from us, by the names it uses.
OURS: Final = {path.stem for path in SCRIPT.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}


@pytest.mark.parametrize("file", sorted(SCRIPT.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_what_a_script_may_import_needs_the_standard_library_only(file: Path) -> None:
    assert set(_imported(file)) - sys.stdlib_module_names <= OURS


@pytest.mark.parametrize(
    "name", ["environment_maker", "forking", "process_title", "shim", "spawn_server", "template", "warm"]
)
def test_what_runs_beside_scripts_needs_the_standard_library_only(name: str) -> None:
    known = sys.stdlib_module_names | {"_signal", "_socket"}
    assert set(_imported(ROOT / "executors" / "local" / f"{name}.py")) <= known


def _imported(file: Path) -> Iterator[str]:
    """Yield the top-level names that `file` imports when it runs."""
    tree = ast.parse(file.read_text())
    for_types = {
        node
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and isinstance(branch.test, ast.Name) and branch.test.id == "TYPE_CHECKING"
        for statement in branch.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module is not None:
            yield node.module.split(".")[0]

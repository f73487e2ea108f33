"""The Pythons that tests run on are those that work, each minor version once."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

FINDER: Final = Path(__file__).parents[1] / "support" / "find_pythons.sh"


def test_a_shim_that_does_not_run_is_passed_over(tmp_path: Path) -> None:
    _put(tmp_path / "python3", "echo 'command not found' >&2; exit 127")
    _put(tmp_path / "python3.13", f'exec "{sys.executable}" "$@"')

    assert _found(tmp_path) == [sys.executable]


def test_a_version_is_found_once(tmp_path: Path) -> None:
    for name in ("python3", "python3.12", "python3.11"):
        _put(tmp_path / name, f'exec "{sys.executable}" "$@"')

    assert _found(tmp_path) == [sys.executable]


def test_an_unsupported_version_is_passed_over(tmp_path: Path) -> None:
    _put(tmp_path / "python3", f'''shift; exec "{sys.executable}" -c "import sys; sys.version_info = (3, 14, 0); $1"''')

    assert _found(tmp_path) == []


def test_what_pyenv_keeps_is_found_without_its_shims(tmp_path: Path) -> None:
    kept = tmp_path / "versions" / "3.12.1" / "bin"
    kept.mkdir(parents=True)
    _put(kept / "python3", f'exec "{sys.executable}" "$@"')

    assert _found(tmp_path) == [sys.executable]


def _put(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o700)


def _found(folder: Path) -> list[str]:
    ended = subprocess.run(
        ["/bin/sh", FINDER],
        env={"PATH": str(folder), "PYENV_ROOT": str(folder), "HOME": os.devnull},
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return ended.stdout.splitlines()

"""A script's `import awsglue` finds the installed one if that works, else ours, which says what it cannot do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import orchestrator.script

ROOM = Path(orchestrator.script.__file__).parent

REAL = {
    "__init__.py": "from awsglue.dynamicframe import DynamicFrame\nwho = 'installed'\n",
    "dynamicframe.py": "class DynamicFrame:\n    pass\n",
    "utils.py": "def getResolvedOptions(args, options):\n    return {'from': 'installed'}\n",
    "only_real.py": "value = 1\n",
}


def install(directory: Path, files: dict[str, str]) -> None:
    """Put an `awsglue` of these files into `directory`."""
    package = directory / "awsglue"
    package.mkdir(parents=True)
    for name, text in files.items():
        (package / name).write_text(text)


def run_script(directory: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Run a script as the daemon does: our room first on PYTHONPATH, then what the job's environment has."""
    script = directory / "job" / "script.py"
    script.parent.mkdir(exist_ok=True)
    script.write_text(text)
    path = os.pathsep.join([str(ROOM), str(directory / "site")])
    return subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def printed_by(directory: Path, text: str) -> str:
    """Return what the script prints; it must succeed."""
    done = run_script(directory, text)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_ours_serves_where_none_is_installed(tmp_path: Path) -> None:
    text = (
        "import awsglue, sys\n"
        "from awsglue.job import Job\n"
        "from awsglue.utils import GlueArgumentError, getResolvedOptions\n"
        "import orchestrator_bookmark\n"
        "print(awsglue.__file__, getResolvedOptions(['s', '--a', '1'], ['a'])['a'], Job().isInitialized())\n"
    )

    assert printed_by(tmp_path, text) == f"{ROOM / 'awsglue' / '__init__.py'} 1 False"


def test_an_installed_one_wins_with_all_its_submodules(tmp_path: Path) -> None:
    install(tmp_path / "site", REAL)
    text = (
        "from awsglue.utils import getResolvedOptions\n"
        "import awsglue, awsglue.only_real\n"
        "from awsglue import DynamicFrame, only_real\n"
        "print(awsglue.who, getResolvedOptions([], [])['from'], only_real.value, DynamicFrame.__module__)\n"
        "print(sorted(m.__file__ for n, m in __import__('sys').modules.items() if n.startswith('awsglue')))\n"
    )
    first, files = printed_by(tmp_path, text).splitlines()

    assert first == "installed installed 1 awsglue.dynamicframe"
    assert str(ROOM) not in files


def test_one_beside_the_script_wins_too(tmp_path: Path) -> None:
    install(tmp_path / "job", REAL)

    assert printed_by(tmp_path, "import awsglue; print(awsglue.who)") == "installed"


def test_ours_serves_where_the_installed_one_lacks_pyspark(tmp_path: Path) -> None:
    broken = {**REAL, "dynamicframe.py": "import pyspark_that_is_not_there\n"}
    install(tmp_path / "site", broken)
    text = (
        "from awsglue.utils import getResolvedOptions\n"
        "from awsglue.job import Job\n"
        "import sys\n"
        "print(getResolvedOptions(['s', '--a', '1'], ['a'])['a'], sys.modules['awsglue'].__file__)\n"
    )

    assert printed_by(tmp_path, text) == f"1 {ROOM / 'awsglue' / '__init__.py'}"


def test_no_submodule_of_a_refused_one_is_mixed_with_ours(tmp_path: Path) -> None:
    half = {**REAL, "__init__.py": "import awsglue.utils\nimport pyspark_that_is_not_there\n"}
    install(tmp_path / "site", half)

    assert printed_by(tmp_path, "import awsglue.utils; print(awsglue.utils.__file__)") == str(
        ROOM / "awsglue" / "utils.py"
    )


def test_a_broken_installed_one_is_not_hidden(tmp_path: Path) -> None:
    install(tmp_path / "site", {"__init__.py": "raise ValueError('broken on the disk')\n"})
    done = run_script(tmp_path, "import awsglue")

    assert done.returncode == 1
    assert "broken on the disk" in done.stderr


def test_a_directory_that_is_no_package_is_not_taken_for_one(tmp_path: Path) -> None:
    (tmp_path / "site" / "awsglue").mkdir(parents=True)

    assert printed_by(tmp_path, "import awsglue.utils; print(awsglue.__file__)") == str(ROOM / "awsglue/__init__.py")


@pytest.mark.parametrize(
    "statement",
    [
        "from awsglue.context import GlueContext",
        "from awsglue.dynamicframe import DynamicFrame",
        "from awsglue.transforms import *",
    ],
)
def test_what_needs_spark_says_what_to_use_instead(tmp_path: Path, statement: str) -> None:
    done = run_script(tmp_path, statement)

    assert done.returncode == 1
    assert f"ImportError: {statement.split()[1]} needs Spark" in done.stderr
    assert "getResolvedOptions" in done.stderr
    assert "install pyspark" in done.stderr


def test_what_needs_spark_says_why_the_installed_one_does_not_serve(tmp_path: Path) -> None:
    install(tmp_path / "site", {"__init__.py": "import pyspark_that_is_not_there\n"})
    done = run_script(tmp_path, "from awsglue.context import GlueContext")

    assert "No module named 'pyspark_that_is_not_there'" in done.stderr.splitlines()[-1]

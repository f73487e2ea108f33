"""What is built installs without a network, beside what the lock names, and works from an empty directory."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.packaging.builds import WITHIN_S
from tests.support import own_network
from tests.support.daemon import AS_ROOT, ROOT

WHEELS: Final = Path(f"{sys.prefix}-wheels")
pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="NOT TESTED: only root can be without a network"),
    pytest.mark.skipif(
        not (WHEELS / ".has-all").exists(), reason=f"make packaging downloads what is needed to {WHEELS}"
    ),
    pytest.mark.timeout(400),
]


class Place:
    """A machine without a network and without anything of ours, as far as it can be had: an environment and a directory."""

    def __init__(self, root: Path) -> None:
        """Make an empty virtual environment below `root`."""
        self.bin = root / "venv" / "bin"
        self.empty = root / "empty"
        self.home = root / "home"
        self.index = root / "index"
        for directory in (self.empty, self.home, self.index):
            directory.mkdir()
        for file in WHEELS.glob("*.whl"):
            (self.index / file.name).symlink_to(file)
        subprocess.run([sys.executable, "-m", "venv", str(root / "venv")], check=True, timeout=WITHIN_S)

    def run(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the environment, in the empty directory."""
        clean = {"PATH": "/usr/bin:/bin", "HOME": str(self.home), "PIP_CONFIG_FILE": os.devnull, **AS_ROOT}
        return subprocess.run(
            [sys.executable, own_network.__file__, str(self.bin / argv[0]), *argv[1:]],
            cwd=self.empty,
            env=clean,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=WITHIN_S,
            check=False,
        )

    def install(self, *words: str) -> None:
        """Install from the index."""
        done = self.run("pip", "install", "-q", "--no-index", "--find-links", str(self.index), *words)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def installed(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("installed"))
    (place.index / built[".whl"].name).symlink_to(built[".whl"])
    place.install("orchestrator")
    return place


def test_there_is_no_network(installed: Place) -> None:
    tried = installed.run("python", "-c", "import socket; socket.create_connection(('198.51.100.1', 80), 5)")

    assert "Network is unreachable" in tried.stderr


def test_what_was_installed_fits_together_and_is_what_the_lock_names(installed: Place) -> None:
    assert installed.run("pip", "check").returncode == 0
    listed = json.loads(installed.run("pip", "list", "--format=json").stdout)
    there = {f"{one['name'].lower().replace('_', '-')}=={one['version']}" for one in listed}
    lock = [line.split(" ")[0] for line in (ROOT / "requirements.lock").read_text().splitlines() if "==" in line]
    assert {name.split("==")[0] for name in there} - {"pip", "setuptools", "orchestrator"} <= {
        one.split("==")[0] for one in lock
    }
    assert {one for one in there if one.split("==")[0] not in ("pip", "setuptools", "orchestrator")} <= set(lock)


@pytest.mark.parametrize("program", [("orchestrator",), ("python", "-m", "orchestrator")], ids=["script", "module"])
def test_a_job_runs_from_an_empty_directory(installed: Place, program: tuple[str, ...]) -> None:
    for leftover in installed.empty.iterdir():
        raise AssertionError(leftover)
    jobs = installed.home / "jobs"
    (jobs / "hello").mkdir(parents=True, exist_ok=True)
    (jobs / "hello" / "job.toml").write_text('[Command]\nName = "pythonshell"\nScriptLocation = "script.py"\n')
    (jobs / "hello" / "script.py").write_text(
        "import sys, awsglue, orchestrator_bookmark\nfrom awsglue.utils import getResolvedOptions\n"
        "print('hello', getResolvedOptions(sys.argv, ['who'])['who'])\n"
    )

    ran = installed.run(*program, "--jobs-dir", str(jobs), "run", "hello", "--", "--who", "moon")
    check = installed.run(*program, "--jobs-dir", str(jobs), "check")

    assert ran.returncode == 0, ran.stderr
    assert "hello moon" in ran.stdout
    assert check.returncode == 0, check.stdout + check.stderr
    assert list(installed.empty.iterdir()) == []  # the state is in the home directory


def test_the_version_is_told(installed: Place) -> None:
    assert installed.run("orchestrator", "--version").stdout.split()[-1].count(".") == 2


def test_the_source_distribution_installs_without_a_network(built: dict[str, Path], tmp_path: Path) -> None:
    place = Place(tmp_path)

    place.install("--require-hashes", "-r", str(ROOT / "requirements.lock"))
    place.install(str(built[".gz"]))

    assert place.run("orchestrator", "--help").returncode == 0

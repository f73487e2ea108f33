"""Everything at once leaves every promise standing: two minutes of the soak, then its account."""

import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.support import processes
from tests.support.waiting import until

ROOT: Final = Path(__file__).parents[2]
SOAK: Final = [sys.executable, "-m", "tests.soak"]


def needs_everything() -> None:
    """Skip where a trouble would be left out: a soak without it is less than what is promised."""
    if subprocess.run(["id", "-u"], capture_output=True, text=True, check=True).stdout != "0\n":
        pytest.skip("a small disk can only be mounted by root")


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_two_minutes_of_everything_break_no_promise(tmp_path: Path) -> None:
    needs_everything()
    command = [*SOAK, "--minutes", "2", "--seed", "1", "--scratch", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "LEFT OUT" not in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(180)
def test_whoever_interrupts_it_finds_nothing_left(tmp_path: Path) -> None:
    command = [*SOAK, "--minutes", "5", "--scratch", str(tmp_path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as soak:
        until(lambda: list(tmp_path.glob("*/disk/state/runs/*/*")), within_s=90, what="a run of its daemon")
        soak.send_signal(signal.SIGTERM)
        assert soak.wait(timeout=50) == 128 + signal.SIGTERM

    assert processes.below(tmp_path) == []
    assert str(tmp_path) not in Path("/proc/mounts").read_text(encoding="utf-8")

"""The benchmarks do what they measure, end to end: in a short form, and without a word about speed."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from tests.benchmarks.options import PEERS, WORKS
from tests.support import processes
from tests.support.waiting import until

ROOT: Final = Path(__file__).parents[2]


def bench(tmp_path: Path, *arguments: str) -> tuple[dict[str, Any], str]:
    """Run the benchmarks; return what they kept and what they printed. Nothing else is left."""
    scratch, output = tmp_path / "scratch", tmp_path / "output"
    scratch.mkdir()
    places = ["--scratch", str(scratch), "--output", str(output), "--scripts-python", str(tmp_path / "none")]
    command = [sys.executable, "-m", "tests.benchmarks", "--rounds", "1", *places, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(scratch.iterdir()) == []
    kept: dict[str, Any] = json.loads((output / "bench.json").read_text(encoding="utf-8"))
    assert (output / "bench.txt").read_text(encoding="utf-8") in done.stdout
    return kept, done.stdout


def measured(kept: dict[str, Any]) -> set[tuple[str, str, str]]:
    """Return what has a figure, all of which are positive."""
    assert all(sample["value"] > 0 and sample["round"] == 1 for sample in kept["samples"])
    return {(sample["work"], sample["contender"], sample["measure"]) for sample in kept["samples"]}


@pytest.mark.skipif(shutil.which("xargs") is None, reason="xargs is not installed")
def test_throughput_of_ours_and_of_xargs(tmp_path: Path) -> None:
    kept, printed = bench(tmp_path, "--only", "W1", "--runs", "4", "--peers", "xargs")

    assert measured(kept) == {
        ("W1", contender, measure)
        for contender in ("ours, cold", "ours, warm", "xargs")
        for measure in ("runs/s", "CPU ms/run")
    }
    with_figures = [ratio["name"] for ratio in kept["ratios"] if ratio["rounds"]]
    assert with_figures == [f"{kind} ÷ xargs, by {what}" for kind in ("cold", "warm") for what in ("wall", "CPU a run")]
    assert kept["left_out"] == dict.fromkeys({*WORKS, *PEERS} - {"W1", "xargs"}, "not asked for")
    assert (kept["facts"]["rounds"], kept["facts"]["runs"]) == ("1", "4")
    assert {"cores", "kernel", "Python", "SQLite", "fsyncs/s", "xargs"} <= kept["facts"].keys()
    assert "cold ÷ xargs, by wall" in printed


def test_acknowledgements_beside_the_disks_flushes_and_a_peer_that_is_not_there(tmp_path: Path) -> None:
    nowhere = ["--peers", "huey", "--peers-python", str(tmp_path / "none")]
    kept, printed = bench(tmp_path, "--only", "W3", "--seconds", "0.1", *nowhere)

    slow_disk = {("W3", "disk, slow", "fsyncs/s")}  # only there the flushes are what counts
    assert measured(kept) - slow_disk == {
        ("W3", "disk", "fsyncs/s"),
        ("W3", "ours", "acks/s"),
        ("W3", "ours", "CPU ms/ack"),
    }
    not_asked_for = dict.fromkeys({*WORKS, *PEERS} - {"W3", "huey"}, "not asked for")
    assert kept["left_out"] == {"huey": "not installed (huey)", **not_asked_for}
    assert "huey: not installed" in printed


@pytest.mark.timeout(180)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_whoever_interrupts_it_finds_nothing_left(tmp_path: Path, number: signal.Signals) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    places = [
        "--scratch",
        str(scratch),
        "--output",
        str(tmp_path / "output"),
        "--scripts-python",
        str(tmp_path / "none"),
    ]
    command = [sys.executable, "-m", "tests.benchmarks", "--only", "W6", "--idle-s", "300", *places]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as benchmarks:
        until(lambda: list(scratch.glob("*/*/state/runs/*/*")), within_s=90, what="a run of its daemon")
        benchmarks.send_signal(number)
        assert benchmarks.wait(timeout=30) == 128 + number

    assert list(scratch.iterdir()) == []
    assert processes.below(scratch) == []

"""What is asked of the benchmarks is what is done."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.benchmarks.options import HEAVY, PEERS, WORKS, clean_python, parse, sizes


def test_by_default_everything_light_is_measured_in_three_rounds() -> None:
    options = parse([])

    assert (options.only, options.peers, options.heavy) == (list(WORKS), list(PEERS), [])
    assert (sizes(options).rounds, sizes(options).runs, sizes(options).history) == (3, 500, 1_000_000)


def test_a_size_that_is_given_is_stronger_than_quick() -> None:
    given = sizes(parse(["--quick", "--runs", "7", "--idle-s", "0.5"]))

    assert (given.runs, given.idle_s, given.rounds) == (7, 0.5, 3)
    assert given.history < sizes(parse([])).history


def test_names_are_taken_apart() -> None:
    options = parse(["--only", "W1,W3", "--peers", "", "--heavy"])

    assert (options.only, options.peers, options.heavy) == (["W1", "W3"], [], list(HEAVY))
    assert parse(["--heavy", "slurm"]).heavy == ["slurm"]


@pytest.mark.parametrize("arguments", [["--only", "W9"], ["--peers", "cron"], ["--heavy", "xargs"]])
def test_a_name_that_is_none_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parse(arguments)

    assert f"there is no {arguments[1]}" in capsys.readouterr().err


def test_scripts_that_were_given_no_interpreter_get_a_bare_one(tmp_path: Path) -> None:
    python = clean_python(tmp_path / "missing", tmp_path / "made")

    assert os.access(python, os.X_OK)
    assert not list((tmp_path / "made").rglob("*.pth"))
    prefix = subprocess.run([python, "-c", "import sys; print(sys.prefix)"], capture_output=True, text=True, check=True)
    assert Path(prefix.stdout.strip()) == tmp_path / "made"
    assert clean_python(python, tmp_path / "other") == python

"""ingest_flights takes every month in once: it goes on from its bookmark, and doing a month again replaces it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import orchestrator.script

ROOM = Path(orchestrator.script.__file__).parent
SCRIPT = Path(__file__).parents[3] / "jobs" / "ingest_flights" / "script.py"

JANUARY, FEBRUARY, MARCH, APRIL = 27_004, 24_951, 28_834, 28_330


@dataclass
class Runs:
    """Runs of the job against one target and one bookmark, with what the daemon gives a script."""

    directory: Path
    option: str = "job-bookmark-enable"

    def __post_init__(self) -> None:
        """Name the files."""
        self.target = self.directory / "flights"
        self.bookmark_file = self.directory / "bookmark"
        self.upper_file = self.directory / "bookmark_to"

    def command(self, months_per_run: str) -> list[str]:
        """Return the command line of a run."""
        arguments = ["--JOB_NAME", "ingest_flights", "--JOB_RUN_ID", "jr_0", "--job-bookmark-option", self.option]
        mine = ["--target", str(self.target), f"--months_per_run={months_per_run}"]
        return [sys.executable, str(SCRIPT), *arguments, *mine]

    def environment(self) -> dict[str, str]:
        """Return the environment of a run."""
        return {
            **os.environ,
            "PYTHONPATH": str(ROOM),
            "PYTHONUNBUFFERED": "1",
            "ORCH_BOOKMARK_OPTION": self.option,
            "ORCH_BOOKMARK_FILE": str(self.bookmark_file),
            "ORCH_BOOKMARK_TO_FILE": str(self.upper_file),
        }

    def run(self, months_per_run: str) -> str:
        """Run the job to its end, which must be good; return what it printed."""
        done = self.try_to_run(months_per_run)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def try_to_run(self, months_per_run: str) -> subprocess.CompletedProcess[str]:
        """Run the job to its end."""
        return subprocess.run(
            self.command(months_per_run),
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def bookmark(self) -> object:
        """Return what the bookmark says about the flights."""
        return json.loads(self.bookmark_file.read_text())["flights"]

    def months(self) -> dict[str, int]:
        """Return the number of flights in every file there is, hidden ones too."""
        files = [path for path in self.target.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.target)): pq.ParquetFile(path).metadata.num_rows for path in files}


@pytest.fixture
def runs(tmp_path: Path) -> Runs:
    """Runs that start from nothing."""
    return Runs(tmp_path)


def file_of(month: int) -> str:
    """Return the path of a month's file below the target."""
    return f"year=2013/month={month:02}/flights.parquet"


def test_the_next_run_starts_where_the_last_one_ended(runs: Runs) -> None:
    first = runs.run("1")
    assert "bookmark: none" in first
    assert "2013-01  27,004 flights" in first
    assert runs.bookmark() == {"last_month": "2013-01", "rows": JANUARY}

    second = runs.run("2")
    assert "bookmark: 2013-01, 27,004 flights so far" in second
    assert "2013-01  27,004 flights" not in second
    assert runs.bookmark() == {"last_month": "2013-03", "rows": JANUARY + FEBRUARY + MARCH}
    assert runs.months() == {file_of(1): JANUARY, file_of(2): FEBRUARY, file_of(3): MARCH}


def test_a_month_is_readable_as_a_partition_with_the_types_of_the_source(runs: Runs) -> None:
    runs.run("1")
    table = pq.read_table(runs.target)
    first = table.slice(0, 1).to_pylist()[0]

    assert {"year", "month"} <= set(table.column_names)
    assert (first["dep_time"], first["carrier"], first["tailnum"], first["dest"]) == (517, "UA", "N14228", "IAH")
    assert first["time_hour"].isoformat() == "2013-01-01T10:00:00+00:00"
    assert table.column("dep_time").null_count > 0


def test_when_nothing_is_left_the_run_says_so_and_succeeds(runs: Runs) -> None:
    runs.bookmark_file.write_text('{"flights": {"last_month": "2013-12", "rows": 336776}}')

    assert "nothing is left to take in" in runs.run("6")
    assert runs.bookmark() == {"last_month": "2013-12", "rows": 336_776}
    assert not runs.target.exists()


def test_a_run_after_a_killed_one_does_not_double_anything(runs: Runs) -> None:
    with subprocess.Popen(runs.command("12"), env=runs.environment(), stdout=subprocess.PIPE, text=True) as killed:
        assert killed.stdout is not None
        for line in killed.stdout:
            if "2013-01" in line:  # January is in, a later month is being written
                break
        killed.kill()
    assert not runs.bookmark_file.exists()
    torn = runs.target / "year=2013" / "month=02" / ".flights.parquet.new"
    torn.parent.mkdir(exist_ok=True)
    torn.write_bytes(b"PAR1 and no more")

    runs.run("12")
    assert runs.bookmark() == {"last_month": "2013-12", "rows": 336_776}
    assert sum(runs.months().values()) == 336_776
    assert set(runs.months()) == {file_of(month) for month in range(1, 13)}


def test_a_paused_run_takes_its_whole_window_in_and_leaves_the_bookmark(runs: Runs) -> None:
    runs.option = "job-bookmark-pause"
    lower = '{"flights": {"last_month": "2013-02", "rows": 51955}}'
    runs.bookmark_file.write_text(lower)
    runs.upper_file.write_text('{"flights": {"last_month": "2013-04", "rows": 109119}}')

    assert "window: after 2013-02, up to and including 2013-04" in runs.run("1")
    assert runs.months() == {file_of(3): MARCH, file_of(4): APRIL}
    assert runs.bookmark_file.read_text() == lower


def test_a_paused_run_without_a_window_goes_on_from_the_bookmark_and_leaves_it(runs: Runs) -> None:
    runs.option = "job-bookmark-pause"
    lower = '{"flights": {"last_month": "2013-02", "rows": 51955}}'
    runs.bookmark_file.write_text(lower)

    runs.run("1")
    assert runs.months() == {file_of(3): MARCH}
    assert runs.bookmark_file.read_text() == lower


def test_a_disabled_run_starts_at_the_beginning(runs: Runs) -> None:
    runs.option = "job-bookmark-disable"

    runs.run("1")
    runs.run("1")
    assert runs.months() == {file_of(1): JANUARY}
    assert not runs.bookmark_file.exists()


@pytest.mark.parametrize("months_per_run", ["0", "-1", "six"])
def test_a_senseless_number_of_months_ends_the_run_with_a_sentence(runs: Runs, months_per_run: str) -> None:
    done = runs.try_to_run(months_per_run)

    assert done.returncode == 1
    assert done.stderr == f"--months_per_run must be a whole number above 0, not {months_per_run!r}\n"
    assert not runs.target.exists()

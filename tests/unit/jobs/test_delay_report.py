"""delay_report says what both tables say, and refuses to report on two that do not belong together."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import orchestrator.script

ROOM = Path(orchestrator.script.__file__).parent
JOBS = Path(__file__).parents[3] / "jobs"


def run(job: str, **arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a job's script by hand, without bookmark."""
    pairs = [token for name, value in arguments.items() for token in (f"--{name}", str(value))]
    return subprocess.run(
        [sys.executable, str(JOBS / job / "script.py"), *pairs],
        env={**os.environ, "PYTHONPATH": str(ROOM)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the flights of two months and the table of their delays."""
    place = tmp_path_factory.mktemp("tables")
    run("ingest_flights", JOB_NAME="x", target=place / "flights", months_per_run=2).check_returncode()
    run("daily_delays", source=place / "flights", target=place / "delays").check_returncode()
    return place


def report(place: Path, target: Path) -> subprocess.CompletedProcess[str]:
    """Run the job on the tables at `place`."""
    return run("delay_report", flights=place / "flights", delays=place / "delays", target=target)


def test_the_report_has_a_line_for_each_month_and_the_worst_days(tables: Path, tmp_path: Path) -> None:
    done = report(tables, tmp_path)

    assert done.returncode == 0, done.stderr
    assert "a report of 51,955 flights" in done.stdout
    lines = (tmp_path / "report.md").read_text().splitlines()
    assert lines[0] == "# Flights and delays, 2013-01-01 to 2013-02-28"
    assert "| 2013-01 | 27,004 | 521 | 6.1 min |" in lines
    days = lines[lines.index("## The worst days") + 4 :]
    worst = [float(line.split(" | ")[2].removesuffix(" min")) for line in days]
    assert len(worst) == 5
    assert worst == sorted(worst, reverse=True)
    assert list(tmp_path.iterdir()) == [tmp_path / "report.md"]


def test_the_mean_of_a_month_is_weighed_by_the_flights_of_its_days(tables: Path, tmp_path: Path) -> None:
    report(tables, tmp_path).check_returncode()

    days = pq.ParquetFile(tables / "delays" / "daily_delays.parquet").read().to_pylist()
    january = [day for day in days if day["date"].month == 1]
    flown = sum(day["flights"] - day["cancelled"] for day in january)
    mean = sum(day["arr_delay_mean"] * (day["flights"] - day["cancelled"]) for day in january) / flown
    assert f"| {mean:.1f} min |" in (tmp_path / "report.md").read_text().splitlines()[4]


def test_a_table_of_other_flights_is_refused_and_the_old_report_stays(tables: Path, tmp_path: Path) -> None:
    place = tmp_path / "tables"
    shutil.copytree(tables, place)
    target = tmp_path / "report"
    report(place, target).check_returncode()
    before = (target / "report.md").read_text()
    (place / "flights" / "year=2013" / "month=02" / "flights.parquet").unlink()

    done = report(place, target)

    assert done.returncode == 1
    assert "they differ in 2013-02" in done.stderr
    assert (target / "report.md").read_text() == before


@pytest.mark.parametrize("missing", ["flights", "delays"])
def test_a_missing_table_is_told(tables: Path, tmp_path: Path, missing: str) -> None:
    place = tmp_path / "tables"
    shutil.copytree(tables, place)
    shutil.rmtree(place / missing)

    done = report(place, tmp_path / "report")

    assert done.returncode == 1
    assert "run ingest_flights and daily_delays first" in done.stderr

